//! Compiles snapshots, reusing what the former table has.

use std::collections::HashMap;
use std::sync::Arc;

use evergate_model::snapshot::{Api, ServiceConfiguration, Snapshot, VersionSet};
use evergate_policy::Compiler;
use evergate_policy::document::BackendReference;
use http::HeaderName;

use super::api::{KEY_HEADER, KEY_QUERY};
use super::paths::{Paths, Version};
use super::template::{Routes, Template};
use super::{ApiTable, Keys, OperationTable, ProductTable, Scope, ServiceTable, Table};
use crate::hash::ConfigMap;
use crate::metrics::Metrics;
use crate::upstream::Origins;

/// Makes tables from snapshots.
#[derive(Debug)]
pub(crate) struct TableCompiler {
    host_suffix: String,
    origins: Origins,
    metrics: Arc<Metrics>,
    services: HashMap<String, Arc<ServiceTable>>,
}

impl TableCompiler {
    pub(crate) fn new(host_suffix: &str, origins: Origins, metrics: Arc<Metrics>) -> Self {
        let host_suffix = host_suffix.trim_matches('.').to_ascii_lowercase();
        Self { host_suffix, origins, metrics, services: HashMap::new() }
    }

    pub(crate) fn compile(&mut self, snapshot: &Snapshot) -> Table {
        let mut former = std::mem::take(&mut self.services);
        let mut table = Table::default();
        for configuration in &snapshot.services {
            let service = match former.remove(&configuration.id) {
                Some(former) if Arc::ptr_eq(&former.source, configuration) => former,
                former => Arc::new(self.service(configuration, former.as_deref())),
            };
            for host in &configuration.hostnames {
                table.hosts.entry(host.as_str().into()).or_insert_with(|| Arc::clone(&service));
            }
            self.services.insert(configuration.id.clone(), service);
        }
        // Last, so that no service takes another's own name by listing it as its custom host.
        for configuration in &snapshot.services {
            let own = format!("{}.{}", configuration.name.to_ascii_lowercase(), self.host_suffix);
            if let Some(service) = self.services.get(&configuration.id) {
                table.hosts.insert(own.into(), Arc::clone(service));
            }
        }
        if let [only] = snapshot.services.as_slice() {
            table.only = self.services.get(&only.id).cloned();
        }
        self.origins.forget_unused();
        table
    }

    fn service(&mut self, new: &Arc<ServiceConfiguration>, former: Option<&ServiceTable>) -> ServiceTable {
        // A document may use any named value: when one changes, all are compiled again.
        let values = Values::new(new);
        let keys = match former {
            Some(former) if same_keys(&former.source, new) => Arc::clone(&former.keys),
            _ => Arc::new(Keys::new(new)),
        };
        let former = former.filter(|former| Arc::ptr_eq(&former.source.named_values, &new.named_values));
        let policy = match former {
            Some(former) if former.source.policy == new.policy => former.policy.clone(),
            _ => values.scope(new.policy.as_deref(), "service"),
        };
        let products = products(new, former, &values);
        let mut open_products = ConfigMap::default();
        for product in products.values() {
            if product.source.published && !product.source.subscription_required {
                for api in &product.source.apis {
                    open_products.entry(api.clone()).or_insert_with(|| Arc::clone(product));
                }
            }
        }
        let mut apis = HashMap::with_capacity(new.apis.len());
        let mut paths = Paths::default();
        for (name, api) in new.apis.iter().filter(|(_, api)| api.declared) {
            let known = former.and_then(|former| former.apis.get(name));
            let table = match known {
                Some(known) if Arc::ptr_eq(&known.source, api) => Arc::clone(known),
                known => Arc::new(self.api(new, api, known.map(Arc::as_ref), &values)),
            };
            let (path, version) = place(new, api);
            paths.insert(&path, version, Arc::clone(&table));
            apis.insert(name.clone(), table);
        }
        let mut service = ServiceTable {
            source: Arc::clone(new),
            policy,
            paths,
            apis,
            products,
            open_products,
            keys,
            upstreams: HashMap::new(),
            metrics: self.metrics.service(&new.name),
        };
        self.link_backends(new, &mut service);
        service
    }

    fn api(
        &mut self,
        service: &ServiceConfiguration,
        api: &Arc<Api>,
        known: Option<&ApiTable>,
        values: &Values<'_>,
    ) -> ApiTable {
        let policy = match known {
            Some(known) if known.source.policy == api.policy => known.policy.clone(),
            _ => values.scope(api.policy.as_deref(), &format!("apis/{}", api.id)),
        };
        let former: HashMap<&str, &Arc<OperationTable>> = known
            .map(|known| known.operations.iter().map(|known| (known.source.id.as_str(), known)).collect())
            .unwrap_or_default();
        let mut routes = Routes::default();
        let mut operations = Vec::with_capacity(api.operations.len());
        for operation in api.operations.values().filter(|operation| operation.declared) {
            let table = match former.get(operation.id.as_str()) {
                Some(former) if Arc::ptr_eq(&former.source, operation) => Arc::clone(former),
                _ => {
                    let scope = format!("apis/{}/operations/{}", api.id, operation.id);
                    Arc::new(OperationTable {
                        source: Arc::clone(operation),
                        template: Template::parse(&operation.url_template),
                        policy: values.scope(operation.policy.as_deref(), &scope),
                    })
                }
            };
            routes.insert(Arc::clone(&table));
            operations.push(table);
        }
        let upstream = match &api.service_url {
            Some(url) => self.origins.upstream(url),
            None => Err("The API has no web service URL, and no policy sets a backend.".to_owned()),
        };
        let key = api.id.split(";rev=").next().unwrap_or_default().to_ascii_lowercase();
        let header = api.key_header.as_deref().and_then(|name| HeaderName::try_from(name).ok());
        ApiTable {
            source: Arc::clone(api),
            metrics: self.metrics.api(&service.name, &key),
            key,
            key_header: header.unwrap_or(HeaderName::from_static(KEY_HEADER)),
            key_query: api.key_query.clone().unwrap_or_else(|| KEY_QUERY.to_owned()),
            policy,
            routes,
            operations,
            upstream,
        }
    }

    /// Resolves every backend that a policy can choose.
    fn link_backends(&mut self, configuration: &ServiceConfiguration, service: &mut ServiceTable) {
        let mut upstreams = HashMap::new();
        for (name, backend) in configuration.backends.iter() {
            let reference = BackendReference::Named(Arc::from(name.as_str()));
            upstreams.insert(reference, self.origins.backend(backend));
        }
        let products = service.products.values().map(|product| &product.policy);
        let apis = service.apis.values().flat_map(|api| {
            std::iter::once(&api.policy).chain(api.operations.iter().map(|operation| &operation.policy))
        });
        for scope in std::iter::once(&service.policy).chain(products).chain(apis) {
            let Scope::Document(document, _) = scope else { continue };
            for reference in document.backends() {
                if let BackendReference::Url(url) = reference {
                    upstreams.entry(reference.clone()).or_insert_with(|| self.origins.upstream(url));
                }
            }
        }
        service.upstreams = upstreams;
    }
}

/// Whether the same keys open the same things.
fn same_keys(former: &ServiceConfiguration, new: &ServiceConfiguration) -> bool {
    Arc::ptr_eq(&former.subscriptions, &new.subscriptions)
        && Arc::ptr_eq(&former.blocked_users, &new.blocked_users)
}

fn products(
    new: &ServiceConfiguration,
    former: Option<&ServiceTable>,
    values: &Values<'_>,
) -> ConfigMap<String, Arc<ProductTable>> {
    let mut products = ConfigMap::default();
    for (name, product) in new.products.iter().filter(|(_, product)| product.declared) {
        let known = former.and_then(|former| former.products.get(name));
        let table = match known {
            Some(known) if Arc::ptr_eq(&known.source, product) => Arc::clone(known),
            _ => Arc::new(ProductTable {
                source: Arc::clone(product),
                policy: values.scope(product.policy.as_deref(), &format!("products/{}", product.id)),
            }),
        };
        products.insert(name.clone(), table);
    }
    products
}

/// The path an API answers at, and how else a request must name its version.
fn place(service: &ServiceConfiguration, api: &Api) -> (String, Version) {
    let set = api.version_set.as_ref().and_then(|name| service.version_sets.get(name));
    match (set.map(Arc::as_ref), &api.version) {
        (Some(VersionSet::Query(name)), version) => {
            (api.path.clone(), Version::Query(name.clone(), version.clone()))
        }
        (Some(VersionSet::Header(name)), version) => match HeaderName::try_from(name.as_str()) {
            Ok(name) => (api.path.clone(), Version::Header(name, version.clone())),
            Err(_) => (api.path.clone(), Version::Path),
        },
        (Some(VersionSet::Segment), Some(version)) => (format!("{}/{version}", api.path), Version::Path),
        (Some(VersionSet::Segment) | None, _) => (api.path.clone(), Version::Path),
    }
}

/// The named values of a service, by display name.
struct Values<'a>(HashMap<&'a str, Option<&'a str>>);

impl<'a> Values<'a> {
    fn new(configuration: &'a ServiceConfiguration) -> Self {
        let values = configuration.named_values.values();
        Self(
            values
                .map(|value| {
                    (value.display_name.as_str(), value.value.first().map(evergate_model::Secret::expose))
                })
                .collect(),
        )
    }

    fn scope(&self, xml: Option<&str>, name: &str) -> Scope {
        let Some(xml) = xml else { return Scope::None };
        let value = |name: &str| self.0.get(name).copied().flatten().map(str::to_owned);
        match evergate_policy::compile(xml, &Compiler::new(name, &value)) {
            Ok(document) => {
                let reaches_base = document.reaches_base();
                Scope::Document(Arc::new(document), reaches_base)
            }
            Err(error) => {
                tracing::warn!(scope = name, %error, "a policy document cannot be run; its scope answers 500");
                Scope::Broken(format!("The policies of {name} cannot be run: {error}").into())
            }
        }
    }
}
