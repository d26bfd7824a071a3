//! Speaks the resource-manager HTTP API over store and recovery.
//!
//! [`router`] answers everything that management clients send. A request passes [`dispatch`] (ids, token,
//! api-version), then either the resource manager's own scaffolding, a service as a whole, or the engine that
//! works through the kind table. Only this crate knows api-versions and resource-manager JSON.

mod arm;
mod call;
pub mod directory;
mod dispatch;
mod effect;
mod engine;
pub mod error;
pub mod export;
mod export_link;
pub mod fetch;
mod filter;
pub mod guard;
pub mod import;
mod merge;
mod parts;
mod query;
pub mod recover;
mod route;
mod service;
#[cfg(test)]
mod tests;
pub mod version;

use std::sync::Arc;

use axum::Router;

use guard::DirectoryGuard;
use parts::App;
pub use parts::{Instance, ManagementParts, random_key};

/// The whole management API, with the directory's own endpoints.
pub fn router(parts: ManagementParts) -> Router {
    let directory = Arc::clone(&parts.directory);
    let app = App {
        store: parts.store,
        recover: Arc::new(parts.recovery),
        guard: Arc::new(DirectoryGuard(Arc::clone(&parts.directory))),
        instance: parts.instance,
    };
    let role_assignments =
        axum::middleware::from_fn_with_state(Arc::clone(&directory), directory::authorization::intercept);
    management(app).merge(directory::router(directory)).layer(role_assignments)
}

/// The management API alone.
fn management(app: App) -> Router {
    Router::new().fallback(dispatch::handle).with_state(Arc::new(app))
}
