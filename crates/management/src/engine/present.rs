//! A stored resource as its client sees it.

use evergate_model::kind::{Access, Body, Kind};
use evergate_model::{Properties, Resource, ResourcePath};
use serde_json::{Value, json};

use super::Context;
use crate::effect;
use crate::error::ApiError;

/// What a list or a read shows: the resource itself, or the one that a link names.
pub(super) struct Shown {
    pub(super) kind: &'static Kind,
    pub(super) path: ResourcePath,
    pub(super) resource: Resource,
}

impl Context<'_> {
    /// The resource in the form of the request's api-version.
    pub(super) async fn present(&self, shown: &Shown) -> Result<Value, ApiError> {
        // A link is shown with what it names.
        let (body_kind, resource) = match shown.kind.body {
            Body::Properties(_) => (shown.kind, shown.resource.clone()),
            Body::Link(to) => {
                let named = ResourcePath::top(to, shown.path.name())?;
                let found = self.resource(&named).await?;
                let kind = evergate_model::kind::find(to).unwrap_or(shown.kind);
                (kind, found.unwrap_or_else(|| shown.resource.clone()))
            }
        };
        let properties = self.properties(body_kind, &resource).await?;
        Ok(json!({
            "id": self.id(shown.path.as_str()),
            "type": format!("Microsoft.ApiManagement/service/{}", self.version.written(shown.kind.path)),
            "name": shown.path.name(),
            "properties": properties,
        }))
    }

    /// The properties of a resource in the form of the request's api-version.
    pub(super) async fn properties(
        &self,
        kind: &'static Kind,
        resource: &Resource,
    ) -> Result<Properties, ApiError> {
        let mut properties = resource.properties.clone();
        let shows_sealed = self.shows_sealed(kind, resource).await;
        for property in kind.properties() {
            match property.access {
                Access::Internal => {
                    properties.shift_remove(property.name);
                }
                Access::Sealed => {
                    if shows_sealed && let Some(value) = resource.secrets.0.get(property.name) {
                        properties.insert(property.name.to_owned(), value.clone());
                    }
                }
                _ => {}
            }
        }
        effect::present(self, kind, resource, &mut properties).await?;
        self.expand_references(kind, &mut properties);
        self.version.properties_out(kind, &mut properties);
        Ok(properties)
    }

    /// Credentials that clients read back to write them again are shown to those who may write them:
    /// readers see no secrets.
    async fn shows_sealed(&self, kind: &Kind, resource: &Resource) -> bool {
        let sealed = kind.properties().iter().any(|property| property.access == Access::Sealed);
        let action = format!("Microsoft.ApiManagement/service/{}/write", kind.path);
        sealed && self.call.caller.may(&action, &self.id(resource.path.as_str())).await.is_ok()
    }
}
