//! Whether a caller may use an API, and through which product.

use std::sync::Arc;

use evergate_model::snapshot::{Subscription, SubscriptionScope};
use evergate_policy::query;
use http::HeaderMap;

use crate::table::{ApiTable, Grant, ProductTable, ServiceTable};

/// How a request was let in.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Access<'t> {
    /// The product whose policies apply.
    pub(crate) product: Option<&'t Arc<ProductTable>>,
    /// The subscription whose limits count.
    pub(crate) subscription: Option<&'t Arc<Subscription>>,
}

/// Why a request was kept out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    Missing,
    Invalid,
}

/// Decides as the original documents it: a good key of the right scope opens; a key that does not is
/// ignored for an API in an open product, and refused otherwise; without a key, an open product or an
/// API without subscription opens.
pub(crate) fn check<'t>(
    service: &'t ServiceTable,
    api: &ApiTable,
    headers: &HeaderMap,
    query: &str,
) -> Result<Access<'t>, Denied> {
    let key = key(api, headers, query);
    if let Some(key) = &key
        && let Some(grant) = service.keys.find(key)
        && let Some(access) = granted(service, api, grant)
    {
        return Ok(access);
    }
    if let Some(open) = service.open_products.get(&api.key) {
        return Ok(Access { product: Some(open), subscription: None });
    }
    match key {
        Some(_) => Err(Denied::Invalid),
        None if api.source.subscription_required => Err(Denied::Missing),
        None => Ok(Access::default()),
    }
}

/// The key of a request; the header comes first.
fn key<'q>(api: &ApiTable, headers: &'q HeaderMap, query: &'q str) -> Option<std::borrow::Cow<'q, str>> {
    if let Some(value) = headers.get(&api.key_header) {
        return Some(value.to_str().unwrap_or_default().into());
    }
    if query.is_empty() {
        return None;
    }
    query::find(query, &api.key_query).map(query::decode)
}

fn granted<'t>(service: &'t ServiceTable, api: &ApiTable, grant: &'t Grant) -> Option<Access<'t>> {
    if !grant.usable {
        return None;
    }
    let product = match &grant.subscription.scope {
        SubscriptionScope::AllApis => None,
        SubscriptionScope::Api(name) if *name == api.key => None,
        SubscriptionScope::Api(_) => return None,
        SubscriptionScope::Product(name) => {
            let product = service.products.get(name)?;
            let opens = product.source.published && product.source.apis.contains(&api.key);
            Some(opens.then_some(product)?)
        }
    };
    Some(Access { product, subscription: Some(&grant.subscription) })
}
