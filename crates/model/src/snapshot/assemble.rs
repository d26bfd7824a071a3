//! Builds and edits a service's configuration from canonical resource bodies.

use std::sync::Arc;

use super::{Api, Operation, Product, ServiceConfiguration, read};
use crate::{Properties, Resource, ResourcePath, Secrets, Service};

/// A resource as it comes from the store, whole or borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Where it stands.
    pub path: &'a ResourcePath,
    /// Its canonical properties.
    pub properties: &'a Properties,
    /// Its secrets.
    pub secrets: &'a Secrets,
}

impl<'a> From<&'a Resource> for Row<'a> {
    fn from(resource: &'a Resource) -> Self {
        Self { path: &resource.path, properties: &resource.properties, secrets: &resource.secrets }
    }
}

/// A resource's text that is no JSON object.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be read: {source}")]
pub struct InvalidRow {
    /// The resource.
    pub path: String,
    /// What is wrong with its text.
    #[source]
    pub source: serde_json::Error,
}

/// Builds a service's configuration from its resources, in any order.
pub fn assemble<'a>(service: &Service, rows: impl IntoIterator<Item = Row<'a>>) -> ServiceConfiguration {
    let mut configuration = ServiceConfiguration::new(service);
    for row in rows {
        configuration.put(row);
    }
    configuration
}

/// The kinds of resource a gateway reads; every other one is skipped unparsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target<'a> {
    ServicePolicy,
    Api(&'a str),
    ApiPolicy(&'a str),
    Operation(&'a str, &'a str),
    OperationPolicy(&'a str, &'a str),
    Product(&'a str),
    ProductApi(&'a str, &'a str),
    ProductPolicy(&'a str),
    Subscription(&'a str),
    User(&'a str),
    NamedValue(&'a str),
    Backend(&'a str),
    VersionSet(&'a str),
}

impl<'a> Target<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let mut parts = [""; 6];
        let mut count = 0;
        for segment in path.strip_prefix('/')?.split('/') {
            *parts.get_mut(count)? = segment;
            count += 1;
        }
        let is = |index: usize, collection: &str| parts[index].eq_ignore_ascii_case(collection);
        let name = parts[1];
        Some(match count {
            2 if is(0, "policies") && is(1, "policy") => Self::ServicePolicy,
            2 if is(0, "apis") => Self::Api(name),
            2 if is(0, "products") => Self::Product(name),
            2 if is(0, "subscriptions") => Self::Subscription(name),
            2 if is(0, "users") => Self::User(name),
            2 if is(0, "namedValues") => Self::NamedValue(name),
            2 if is(0, "backends") => Self::Backend(name),
            2 if is(0, "apiVersionSets") => Self::VersionSet(name),
            4 if is(0, "apis") && is(2, "policies") && is(3, "policy") => Self::ApiPolicy(name),
            4 if is(0, "apis") && is(2, "operations") => Self::Operation(name, parts[3]),
            4 if is(0, "products") && is(2, "policies") && is(3, "policy") => Self::ProductPolicy(name),
            4 if is(0, "products") && is(2, "apis") => Self::ProductApi(name, parts[3]),
            6 if is(0, "apis") && is(2, "operations") && is(4, "policies") && is(5, "policy") => {
                Self::OperationPolicy(name, parts[3])
            }
            _ => return None,
        })
    }
}

impl ServiceConfiguration {
    /// A service without resources.
    pub fn new(service: &Service) -> Self {
        let mut configuration = Self::default();
        configuration.set_service(service);
        configuration
    }

    /// Takes over what the service itself says, its revision and generation included.
    pub fn set_service(&mut self, service: &Service) {
        self.id = service.id.to_string();
        self.name = service.id.name.to_string();
        self.generation = service.generation.0;
        self.revision = service.revision.0;
        self.hostnames = read::hostnames(service);
    }

    /// Whether a gateway reads this resource at all.
    pub fn concerns(path: &str) -> bool {
        Target::of(path).is_some()
    }

    /// Creates or replaces a resource.
    pub fn put(&mut self, row: Row<'_>) {
        let (properties, secrets) = (row.properties, row.secrets);
        let Some(target) = Target::of(row.path.as_str()) else { return };
        match target {
            Target::ServicePolicy => self.policy = read::policy(properties),
            Target::Api(name) => read::api(self.api_mut(name), name, properties),
            Target::ApiPolicy(name) => self.api_mut(name).policy = read::policy(properties),
            Target::Operation(api, name) => {
                read::operation(self.operation_mut(api, name), name, properties);
            }
            Target::OperationPolicy(api, name) => {
                self.operation_mut(api, name).policy = read::policy(properties);
            }
            Target::Product(name) => read::product(self.product_mut(name), name, properties),
            Target::ProductPolicy(name) => self.product_mut(name).policy = read::policy(properties),
            Target::ProductApi(name, api) => {
                self.product_mut(name).apis.insert(read::api_key(api));
            }
            Target::Subscription(name) => {
                let value = read::subscription(name, properties, secrets);
                Arc::make_mut(&mut self.subscriptions).insert(read::key(name), Arc::new(value));
            }
            Target::User(name) => {
                let name = read::key(name);
                let blocked = read::user_is_blocked(properties);
                if blocked != self.blocked_users.contains(&name) {
                    let users = Arc::make_mut(&mut self.blocked_users);
                    if blocked {
                        users.insert(name)
                    } else {
                        users.remove(&name)
                    };
                }
            }
            Target::NamedValue(name) => {
                let value = read::named_value(name, properties, secrets);
                Arc::make_mut(&mut self.named_values).insert(read::key(name), Arc::new(value));
            }
            Target::Backend(name) => {
                let value = read::backend(name, properties, secrets);
                Arc::make_mut(&mut self.backends).insert(read::key(name), Arc::new(value));
            }
            Target::VersionSet(name) => {
                let value = read::version_set(properties);
                Arc::make_mut(&mut self.version_sets).insert(read::key(name), Arc::new(value));
            }
        }
    }

    /// Creates or replaces a resource whose body is still JSON text; a kind the gateway does not read
    /// is not parsed.
    pub fn put_text(
        &mut self,
        path: &str,
        properties: &str,
        secrets: Option<&str>,
    ) -> Result<(), InvalidRow> {
        if !Self::concerns(path) {
            return Ok(());
        }
        let invalid = |source| InvalidRow { path: path.to_owned(), source };
        let Ok(parsed) = ResourcePath::parse(path) else { return Ok(()) };
        let properties = serde_json::from_str(properties).map_err(invalid)?;
        let secrets =
            Secrets(secrets.map(serde_json::from_str).transpose().map_err(invalid)?.unwrap_or_default());
        self.put(Row { path: &parsed, properties: &properties, secrets: &secrets });
        Ok(())
    }

    /// Deletes a resource and everything below it.
    pub fn remove(&mut self, path: &ResourcePath) {
        let Some(target) = Target::of(path.as_str()) else { return };
        match target {
            Target::ServicePolicy => self.policy = None,
            Target::Api(name) => {
                Arc::make_mut(&mut self.apis).remove(&read::key(name));
            }
            Target::ApiPolicy(name) => {
                if self.apis.contains_key(&read::key(name)) {
                    self.api_mut(name).policy = None;
                }
            }
            Target::Operation(api, name) => {
                if self.apis.contains_key(&read::key(api)) {
                    self.api_mut(api).operations.remove(&read::key(name));
                }
            }
            Target::OperationPolicy(api, name) => {
                let known = |api: &Arc<Api>| api.operations.contains_key(&read::key(name));
                if self.apis.get(&read::key(api)).is_some_and(known) {
                    self.operation_mut(api, name).policy = None;
                }
            }
            Target::Product(name) => {
                Arc::make_mut(&mut self.products).remove(&read::key(name));
            }
            Target::ProductApi(name, api) => {
                if self.products.contains_key(&read::key(name)) {
                    self.product_mut(name).apis.remove(&read::api_key(api));
                }
            }
            Target::ProductPolicy(name) => {
                if self.products.contains_key(&read::key(name)) {
                    self.product_mut(name).policy = None;
                }
            }
            Target::Subscription(name) => {
                Arc::make_mut(&mut self.subscriptions).remove(&read::key(name));
            }
            Target::User(name) => {
                let name = read::key(name);
                if self.blocked_users.contains(&name) {
                    Arc::make_mut(&mut self.blocked_users).remove(&name);
                }
            }
            Target::NamedValue(name) => {
                Arc::make_mut(&mut self.named_values).remove(&read::key(name));
            }
            Target::Backend(name) => {
                Arc::make_mut(&mut self.backends).remove(&read::key(name));
            }
            Target::VersionSet(name) => {
                Arc::make_mut(&mut self.version_sets).remove(&read::key(name));
            }
        }
    }

    fn api_mut(&mut self, name: &str) -> &mut Api {
        Arc::make_mut(Arc::make_mut(&mut self.apis).entry(read::key(name)).or_default())
    }

    fn operation_mut(&mut self, api: &str, name: &str) -> &mut Operation {
        Arc::make_mut(self.api_mut(api).operations.entry(read::key(name)).or_default())
    }

    fn product_mut(&mut self, name: &str) -> &mut Product {
        Arc::make_mut(Arc::make_mut(&mut self.products).entry(read::key(name)).or_default())
    }
}

#[cfg(test)]
mod tests;
