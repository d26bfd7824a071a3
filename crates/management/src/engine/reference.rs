//! References between resources: absolute ids outside, paths inside.

use evergate_model::kind::{Effect, Kind, Property};
use evergate_model::{Properties, ResourcePath, ServiceId};
use evergate_store::Precondition;
use serde_json::Value;

use super::Context;
use crate::error::ApiError;

/// The path inside the service that an id names: `/products/x` of an absolute id or of itself.
pub(crate) fn relative(service: &ServiceId, text: &str) -> Option<String> {
    const MARK: &str = "/providers/microsoft.apimanagement/service/";
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let path = match lower.find(MARK) {
        Some(at) => {
            let rest = &text[at + MARK.len()..];
            let (name, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            if !name.eq_ignore_ascii_case(service.name.as_str()) {
                return None;
            }
            path
        }
        None => text,
    };
    let path = path.trim_matches('/');
    Some(format!("/{path}"))
}

impl Context<'_> {
    /// Makes the references in `properties` relative, and returns what must exist for them.
    pub(super) async fn resolve_references(
        &self,
        kind: &Kind,
        properties: &mut Properties,
    ) -> Result<Vec<Precondition>, ApiError> {
        let mut needed = Vec::new();
        for property in kind.properties().iter().filter(|property| !property.references.is_empty()) {
            let Some(Value::String(text)) = properties.get(property.name) else { continue };
            if text.is_empty() {
                properties.shift_remove(property.name);
                continue;
            }
            let (path, exists) = self.resolve(kind, property, text).await?;
            properties.insert(property.name.to_owned(), path.into());
            needed.extend(exists.map(Precondition::Exists));
        }
        Ok(needed)
    }

    async fn resolve(
        &self,
        kind: &Kind,
        property: &Property,
        text: &str,
    ) -> Result<(String, Option<ResourcePath>), ApiError> {
        let name = property.name;
        let known = property.references.iter().map(|reference| format!("/{}/{{id}}", reference.to));
        let known = known.collect::<Vec<_>>().join(" or ");
        let refuse = |problem: &str| {
            ApiError::invalid(name, format!("'{name}' is not valid: '{text}' {problem}; it names {known}."))
        };
        let path = relative(&self.service.id, text).ok_or_else(|| refuse("is of another service"))?;
        if kind.effect == Effect::Subscription && (path == "/" || path.eq_ignore_ascii_case("/apis")) {
            return Ok((path.to_ascii_lowercase(), None));
        }
        let path = ResourcePath::parse(&path).map_err(|_| refuse("names no resource"))?;
        let resource_type = path.resource_type();
        let reference =
            property.references.iter().find(|reference| reference.to.eq_ignore_ascii_case(&resource_type));
        let reference = reference.ok_or_else(|| refuse("is of another kind"))?;
        let path = ResourcePath::top(reference.to, path.name())?;
        let stored = self.stored(&path).await?;
        if self.resource(&stored).await?.is_none() {
            return Err(refuse("does not exist"));
        }
        Ok((path.as_str().to_owned(), Some(stored)))
    }

    /// Makes the references in `properties` absolute.
    pub(super) fn expand_references(&self, kind: &Kind, properties: &mut Properties) {
        for property in kind.properties().iter().filter(|property| !property.references.is_empty()) {
            if let Some(Value::String(path)) = properties.get(property.name) {
                let absolute = self.id(path);
                properties.insert(property.name.to_owned(), absolute.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use evergate_model::{ResourceGroupName, ServiceName, SubscriptionId};
    use proptest::prelude::*;

    use super::*;

    fn service() -> ServiceId {
        ServiceId {
            subscription: SubscriptionId::new("00000000-0000-0000-0000-000000000001").unwrap(),
            resource_group: ResourceGroupName::new("rg1").unwrap(),
            name: ServiceName::new("svc1").unwrap(),
        }
    }

    #[test]
    fn ids_become_paths() {
        let service = service();
        for (given, path) in [
            ("/products/x", Some("/products/x")),
            ("products/x", Some("/products/x")),
            ("/apis/", Some("/apis")),
            ("/", Some("/")),
            (&service.to_string(), Some("/")),
            (&format!("{service}/products/X"), Some("/products/X")),
            (&format!("{service}/products/X").to_uppercase(), Some("/PRODUCTS/X")),
            (&format!("{service}2/products/x"), None),
        ] {
            assert_eq!(relative(&service, given).as_deref(), path, "{given}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            relative(&service(), &text);
            relative(&service(), &format!("/providers/Microsoft.ApiManagement/service/{text}"));
        }
    }
}
