//! Who may do what: the two questions every request asks, behind traits so that tests need no tokens.

use async_trait::async_trait;
use evergate_identity::{Directory, Principal};
use http::StatusCode;

use crate::error::ApiError;

/// Recognises callers.
#[async_trait]
pub trait Guard: Send + Sync + 'static {
    /// Who sent this `Authorization` header.
    async fn admit(&self, authorization: Option<&str>) -> Result<Box<dyn Caller>, ApiError>;
}

/// A recognised caller.
#[async_trait]
pub trait Caller: Send + Sync {
    /// Whether the caller may do `action` on `scope`; the refusal is ready to be sent.
    async fn may(&self, action: &str, scope: &str) -> Result<(), ApiError>;
}

/// The guard of every real server: tokens and role assignments of the directory.
pub(crate) struct DirectoryGuard(pub(crate) std::sync::Arc<Directory>);

struct Admitted {
    directory: std::sync::Arc<Directory>,
    principal: Principal,
}

#[async_trait]
impl Guard for DirectoryGuard {
    async fn admit(&self, authorization: Option<&str>) -> Result<Box<dyn Caller>, ApiError> {
        match self.0.authenticate(authorization).await {
            Ok(principal) => Ok(Box::new(Admitted { directory: std::sync::Arc::clone(&self.0), principal })),
            Err(error) => Err(ApiError {
                challenge: Some(error.challenge(&self.0.config().authority)),
                ..ApiError::new(StatusCode::UNAUTHORIZED, error.code(), error.to_string())
            }),
        }
    }
}

#[async_trait]
impl Caller for Admitted {
    async fn may(&self, action: &str, scope: &str) -> Result<(), ApiError> {
        self.directory.authorize(&self.principal, action, scope).map_err(|forbidden| {
            ApiError::new(StatusCode::FORBIDDEN, "AuthorizationFailed", forbidden.to_string())
        })
    }
}
