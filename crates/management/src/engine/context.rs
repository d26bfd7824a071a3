//! What every step of answering one request needs.

use evergate_model::{Resource, ResourcePath, Service};
use evergate_store::{Page, SharedStore};

use crate::call::Call;
use crate::error::ApiError;
use crate::parts::App;
use crate::service;
use crate::version::ApiVersion;

/// A request inside a service.
pub(crate) struct Context<'a> {
    pub(crate) call: &'a Call,
    /// The service as it was when planning began; its revision dates the plan.
    pub(crate) service: Service,
    pub(crate) version: ApiVersion,
}

impl Context<'_> {
    pub(crate) fn app(&self) -> &App {
        &self.call.app
    }

    pub(crate) fn store(&self) -> &SharedStore {
        &self.call.app.store
    }

    /// One stored resource.
    pub(crate) async fn resource(&self, path: &ResourcePath) -> Result<Option<Resource>, ApiError> {
        Ok(self.store().resource(&self.service.id, path).await?)
    }

    /// All stored resources of a type.
    pub(crate) async fn all(&self, resource_type: &str) -> Result<Vec<Resource>, ApiError> {
        Ok(self.store().list_type(&self.service.id, resource_type).await?)
    }

    /// All stored members of a collection.
    pub(crate) async fn members(&self, collection: &str) -> Result<Vec<Resource>, ApiError> {
        Ok(self.store().list(&self.service.id, collection, Page::default()).await?)
    }

    /// The absolute id of something in the service.
    pub(crate) fn id(&self, path: &str) -> String {
        format!("{}{}", self.service.id, self.version.written(path))
    }

    /// Reads the service again, to plan anew.
    pub(crate) async fn refresh(&mut self) -> Result<(), ApiError> {
        self.service = service::require(self.app(), &self.service.id).await?;
        Ok(())
    }
}
