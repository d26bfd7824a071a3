//! The directory over HTTP: discovery, tokens, the sign-in pages, registrations, role assignments.
//!
//! The rules are `evergate_identity`'s; here are only the words of the protocols, each as the public cloud's
//! clients expect it.

mod answer;
pub mod authorization;
mod discovery;
mod fetch;
mod graph;
mod pages;
mod records;
mod sign_in;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use evergate_identity::directory::DirectoryError;
use evergate_identity::{Directory, DirectoryConfig};
use evergate_store::SharedStore;

pub use fetch::HttpFetch;
pub use records::StoreRecords;

/// Opens the directory whose documents are in a store.
pub async fn open(store: SharedStore, config: DirectoryConfig) -> Result<Arc<Directory>, DirectoryError> {
    Directory::open(Arc::new(StoreRecords::new(store)), config).await.map(Arc::new)
}

/// All routes of the directory but the role assignments, which stand below any scope: for them, put
/// [`authorization::intercept`] before the management API.
pub fn router(directory: Arc<Directory>) -> Router {
    Router::new()
        .merge(discovery::routes())
        .merge(token::routes())
        .route("/{tenant}/oauth2/authorize", get(sign_in::show).post(sign_in::answer))
        .route("/{tenant}/oauth2/v2.0/authorize", get(sign_in::show).post(sign_in::answer))
        .route("/devicelogin", get(sign_in::device::show).post(sign_in::device::sign_in))
        .route("/devicelogin/confirm", post(sign_in::device::confirm))
        .merge(graph::routes())
        .layer(DefaultBodyLimit::max(evergate_identity::form::LARGEST))
        .with_state(directory)
}

#[cfg(test)]
mod tests;
