//! One API and its operations, compiled.

use std::sync::Arc;

use evergate_model::snapshot;
use http::HeaderName;

use super::Scope;
use super::template::{Routes, Template};
use crate::metrics::ApiMetrics;
use crate::upstream::Upstream;

/// The header that carries a key unless the API names another.
pub(crate) const KEY_HEADER: &str = "ocp-apim-subscription-key";
/// The same name as the original writes it in a challenge.
pub(crate) const KEY_HEADER_SHOWN: &str = "Ocp-Apim-Subscription-Key";
/// The query parameter that carries a key unless the API names another.
pub(crate) const KEY_QUERY: &str = "subscription-key";

/// One revision of an API.
#[derive(Debug)]
pub(crate) struct ApiTable {
    pub(crate) source: Arc<snapshot::Api>,
    /// The API's name without revision, lower-cased: what products and subscriptions name.
    pub(crate) key: String,
    pub(crate) key_header: HeaderName,
    pub(crate) key_query: String,
    pub(crate) policy: Scope,
    pub(crate) routes: Routes,
    pub(crate) operations: Vec<Arc<OperationTable>>,
    /// The API's own service; the text says why there is none.
    pub(crate) upstream: Result<Arc<Upstream>, String>,
    pub(crate) metrics: Arc<ApiMetrics>,
}

/// One operation.
#[derive(Debug)]
pub(crate) struct OperationTable {
    pub(crate) source: Arc<snapshot::Operation>,
    /// None when it cannot be read: then the operation is never found.
    pub(crate) template: Option<Template>,
    pub(crate) policy: Scope,
}

impl OperationTable {
    pub(super) fn requirements(&self) -> usize {
        self.template.as_ref().map_or(0, |template| template.query.len())
    }
}
