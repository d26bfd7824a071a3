//! A snapshot compiled for look-up: what a request needs, found without a lock and without parsing.
//!
//! Tables share what did not change between two snapshots: an API is compiled again only when it, or
//! a named value or backend its policies may use, was edited.

mod api;
mod compile;
mod keys;
pub(crate) mod paths;
pub(crate) mod template;

use std::collections::HashMap;
use std::sync::Arc;

use evergate_model::snapshot::ServiceConfiguration;
use evergate_policy::Document;
use evergate_policy::document::BackendReference;

pub(crate) use api::{ApiTable, KEY_HEADER, KEY_HEADER_SHOWN, OperationTable};
pub(crate) use compile::TableCompiler;
pub(crate) use keys::{Grant, Keys};

use crate::hash::ConfigMap;
use crate::metrics::ServiceMetrics;
use crate::upstream::Upstream;
use paths::Paths;

/// All services, by host.
#[derive(Debug, Default)]
pub(crate) struct Table {
    hosts: ConfigMap<Box<str>, Arc<ServiceTable>>,
    /// Serves every host while it is the only service.
    only: Option<Arc<ServiceTable>>,
}

/// One service.
#[derive(Debug)]
pub(crate) struct ServiceTable {
    pub(crate) source: Arc<ServiceConfiguration>,
    pub(crate) policy: Scope,
    pub(crate) paths: Paths,
    pub(crate) apis: HashMap<String, Arc<ApiTable>>,
    pub(crate) products: ConfigMap<String, Arc<ProductTable>>,
    /// The product without subscription that an API is in, by the API's key.
    pub(crate) open_products: ConfigMap<String, Arc<ProductTable>>,
    pub(crate) keys: Arc<Keys>,
    upstreams: HashMap<BackendReference, Result<Arc<Upstream>, String>>,
    pub(crate) metrics: Arc<ServiceMetrics>,
}

/// One product.
#[derive(Debug)]
pub(crate) struct ProductTable {
    pub(crate) source: Arc<evergate_model::snapshot::Product>,
    pub(crate) policy: Scope,
}

/// The policies of one scope: none, understood, or not.
#[derive(Debug, Clone, Default)]
pub(crate) enum Scope {
    /// There is no document: the scope is transparent.
    #[default]
    None,
    /// The document, and whether it leads to the enclosing scope.
    Document(Arc<Document>, bool),
    /// The document cannot be run; the text says why.
    Broken(Arc<str>),
}

impl Table {
    /// The service that answers at a host name, with or without a port.
    pub(crate) fn service(&self, host: &str) -> Option<&Arc<ServiceTable>> {
        let name = without_port(host);
        let found = if name.bytes().any(|b| b.is_ascii_uppercase()) {
            self.hosts.get(name.to_ascii_lowercase().as_str())
        } else {
            self.hosts.get(name)
        };
        found.or(self.only.as_ref())
    }
}

fn without_port(host: &str) -> &str {
    match host.rfind(':') {
        Some(colon) if !host.ends_with(']') => &host[..colon],
        _ => host,
    }
}

impl ServiceTable {
    /// Where a `set-backend-service` leads, or why it leads nowhere.
    pub(crate) fn upstream(&self, backend: &BackendReference) -> Result<&Arc<Upstream>, String> {
        match self.upstreams.get(backend) {
            Some(Ok(upstream)) => Ok(upstream),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err("The backend does not exist.".to_owned()),
        }
    }
}
