//! Reads the path of a request: which resource-manager thing it names.
//!
//! Fixed segments match whatever their case, every segment is percent-decoded once, doubled and
//! trailing slashes are ignored.

use evergate_model::{ResourceGroupName, ServiceId, ServiceName, SubscriptionId};
use percent_encoding::percent_decode_str;

use crate::error::ApiError;

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/metadata/endpoints`
    Metadata,
    /// `/tenants`
    Tenants,
    /// `/subscriptions`
    Subscriptions,
    /// `/providers/{namespace}` or `/subscriptions/{s}/providers/{namespace}`; all of them without a name
    Providers(Option<SubscriptionId>, Option<String>),
    /// `/providers/Microsoft.ApiManagement/operations`
    ProviderOperations,
    /// `/subscriptions/{s}/providers/{namespace}/register`
    RegisterProvider(SubscriptionId, String),
    /// `/subscriptions/{s}`
    Subscription(SubscriptionId),
    /// `/subscriptions/{s}/locations`
    Locations(SubscriptionId),
    /// `/subscriptions/{s}/resourceGroups`
    ResourceGroups(SubscriptionId),
    /// `/subscriptions/{s}/resourceGroups/{g}`
    ResourceGroup(SubscriptionId, ResourceGroupName),
    /// `/subscriptions/{s}/resources` and `/subscriptions/{s}/resourceGroups/{g}/resources`
    Resources(SubscriptionId, Option<ResourceGroupName>),
    /// `…/providers/Microsoft.ApiManagement/checkNameAvailability`
    CheckName(SubscriptionId),
    /// `…/providers/Microsoft.ApiManagement/deletedservices`
    DeletedServices(SubscriptionId),
    /// `…/providers/Microsoft.ApiManagement/locations/{l}/deletedservices/{n}`
    DeletedService(SubscriptionId, String, String),
    /// `…/providers/Microsoft.ApiManagement/service`
    Services(SubscriptionId, Option<ResourceGroupName>),
    /// `…/service/{n}`
    Service(ServiceId),
    /// `…/service/{n}/operationresults/{id}`
    OperationResult(ServiceId, String),
    /// `…/service/{n}/{segments}`
    Inside(ServiceId, Vec<String>),
}

/// A path that names nothing here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BadRoute {
    /// Nothing like it exists.
    Unknown,
    /// A name in it breaks its rule.
    Name(ApiError),
}

impl<E: Into<ApiError>> From<E> for BadRoute {
    fn from(error: E) -> Self {
        Self::Name(error.into())
    }
}

/// Decodes the segments of a path.
pub(crate) fn segments(path: &str) -> Result<Vec<String>, ApiError> {
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| {
            let text = percent_decode_str(segment).decode_utf8().map_err(|_| {
                ApiError::bad_request("InvalidUri", "The path is not UTF-8 once it is decoded.")
            })?;
            if text.is_empty() || text.chars().any(char::is_control) {
                return Err(ApiError::bad_request("InvalidUri", "The path contains control characters."));
            }
            Ok(text.into_owned())
        })
        .collect()
}

/// Reads a path.
pub(crate) fn parse(path: &str) -> Result<Route, BadRoute> {
    let segments = segments(path)?;
    let mut words = Words(&segments);
    if words.keyword("metadata") {
        return if words.keyword("endpoints") { words.end(Route::Metadata) } else { Err(BadRoute::Unknown) };
    }
    if words.keyword("tenants") {
        return words.end(Route::Tenants);
    }
    if words.keyword("providers") {
        return providers(words);
    }
    if !words.keyword("subscriptions") {
        return Err(BadRoute::Unknown);
    }
    let Some(subscription) = words.next() else { return Ok(Route::Subscriptions) };
    in_subscription(SubscriptionId::new(subscription)?, words)
}

fn providers(mut words: Words<'_>) -> Result<Route, BadRoute> {
    let Some(namespace) = words.next() else { return Ok(Route::Providers(None, None)) };
    if namespace.eq_ignore_ascii_case(NAMESPACE) && words.keyword("operations") {
        return words.end(Route::ProviderOperations);
    }
    words.end(Route::Providers(None, Some(namespace.to_owned())))
}

const NAMESPACE: &str = "Microsoft.ApiManagement";

fn in_subscription(subscription: SubscriptionId, mut words: Words<'_>) -> Result<Route, BadRoute> {
    if words.0.is_empty() {
        return Ok(Route::Subscription(subscription));
    }
    if words.keyword("locations") {
        return words.end(Route::Locations(subscription));
    }
    if words.keyword("resources") {
        return words.end(Route::Resources(subscription, None));
    }
    if words.keyword("resourceGroups") {
        let Some(group) = words.next() else { return Ok(Route::ResourceGroups(subscription)) };
        return in_group(subscription, ResourceGroupName::new(group)?, words);
    }
    if !words.keyword("providers") {
        return Err(BadRoute::Unknown);
    }
    let Some(namespace) = words.next() else { return Ok(Route::Providers(Some(subscription), None)) };
    if words.keyword("register") {
        return words.end(Route::RegisterProvider(subscription, namespace.to_owned()));
    }
    if words.0.is_empty() {
        return Ok(Route::Providers(Some(subscription), Some(namespace.to_owned())));
    }
    if !namespace.eq_ignore_ascii_case(NAMESPACE) {
        return Err(BadRoute::Unknown);
    }
    if words.keyword("checkNameAvailability") {
        return words.end(Route::CheckName(subscription));
    }
    if words.keyword("deletedservices") {
        return words.end(Route::DeletedServices(subscription));
    }
    if words.keyword("service") {
        return words.end(Route::Services(subscription, None));
    }
    if words.keyword("locations") {
        let location = words.next().ok_or(BadRoute::Unknown)?.to_owned();
        if words.keyword("deletedservices") {
            let name = words.next().ok_or(BadRoute::Unknown)?.to_owned();
            return words.end(Route::DeletedService(subscription, location, name));
        }
    }
    Err(BadRoute::Unknown)
}

fn in_group(
    subscription: SubscriptionId,
    resource_group: ResourceGroupName,
    mut words: Words<'_>,
) -> Result<Route, BadRoute> {
    if words.0.is_empty() {
        return Ok(Route::ResourceGroup(subscription, resource_group));
    }
    if words.keyword("resources") {
        return words.end(Route::Resources(subscription, Some(resource_group)));
    }
    if !(words.keyword("providers") && words.keyword(NAMESPACE) && words.keyword("service")) {
        return Err(BadRoute::Unknown);
    }
    let Some(name) = words.next() else {
        return Ok(Route::Services(subscription, Some(resource_group)));
    };
    let service = ServiceId { subscription, resource_group, name: ServiceName::new(name)? };
    if words.0.is_empty() {
        return Ok(Route::Service(service));
    }
    if let [word, id] = words.0
        && word.eq_ignore_ascii_case("operationresults")
    {
        return Ok(Route::OperationResult(service, id.clone()));
    }
    Ok(Route::Inside(service, words.0.to_vec()))
}

/// What is left of the path.
struct Words<'a>(&'a [String]);

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn keyword(&mut self, word: &str) -> bool {
        let found = self.0.first().is_some_and(|first| first.eq_ignore_ascii_case(word));
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    fn end(&self, route: Route) -> Result<Route, BadRoute> {
        if self.0.is_empty() { Ok(route) } else { Err(BadRoute::Unknown) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";

    #[test]
    fn paths_are_read_whatever_their_case() {
        let service = format!(
            "//Subscriptions/{SUBSCRIPTION}/resourcegroups/rg1/providers/microsoft.apimanagement/SERVICE/svc1"
        );
        let Ok(Route::Service(id)) = parse(&service) else { panic!("{service}") };
        assert_eq!(id.name.as_str(), "svc1");
        let Ok(Route::Inside(_, inside)) = parse(&format!("{service}/apis/pets%3Brev%3D2/operations/"))
        else {
            panic!("{service}")
        };
        assert_eq!(inside, ["apis", "pets;rev=2", "operations"]);
        assert!(
            matches!(parse(&format!("{service}/operationResults/7")), Ok(Route::OperationResult(_, id)) if id == "7")
        );
    }

    #[test]
    fn what_is_not_there_is_told_from_what_is_misnamed() {
        assert_eq!(parse("/nothing"), Err(BadRoute::Unknown));
        assert_eq!(parse(&format!("/subscriptions/{SUBSCRIPTION}/nothing")), Err(BadRoute::Unknown));
        assert!(matches!(parse("/subscriptions/x"), Err(BadRoute::Name(_))));
        assert!(matches!(parse("/subscriptions/%FF"), Err(BadRoute::Name(_))));
        assert!(matches!(parse("/subscriptions/%00"), Err(BadRoute::Name(_))));
    }

    proptest! {
        #[test]
        fn no_path_panics(path in "\\PC*") {
            let _ = parse(&path);
        }

        #[test]
        fn names_inside_a_service_come_back_decoded(names in prop::collection::vec("[^\\p{Cc}]{1,12}", 1..6)) {
            let encoded: Vec<String> = names
                .iter()
                .map(|name| percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string())
                .collect();
            let path = format!(
                "/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.ApiManagement/service/s/x/{}/y",
                encoded.join("/")
            );
            let Ok(Route::Inside(_, inside)) = parse(&path) else { panic!("{path}") };
            prop_assert_eq!(&inside[1..inside.len() - 1], &names[..]);
        }
    }
}
