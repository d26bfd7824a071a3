//! Builds the client of a container from its account's location and the caller's access.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use evergate_model::Secret;
use object_store::aws::AmazonS3Builder;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::local::LocalFileSystem;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use url::Url;

use super::account::StoreWrapper;
use super::container::Container;
use super::error::{Site, StorageError};
use super::folder::FolderAccount;
use super::location::AccountLocation;
use crate::Access;

/// How patient a client is: the first question of an operation fails soon, so that a wrong name is
/// told at once; a transfer that is under way outlasts a short outage.
#[derive(Clone, Copy)]
enum Patience {
    Question,
    Transfer,
}

pub(super) fn container(
    site: Site,
    location: &AccountLocation,
    access: &Access,
    wrapper: Option<&StoreWrapper>,
) -> Result<Container, StorageError> {
    let wrap = |store: Arc<dyn ObjectStore>| match wrapper {
        Some(wrapper) => wrapper(store),
        None => store,
    };
    let open = |patience| -> Result<Arc<dyn ObjectStore>, StorageError> {
        Ok(wrap(match location {
            AccountLocation::Folder(root) => folder(&site, root, access)?,
            AccountLocation::Blob(url) => blob(&site, url, access, patience)?,
            AccountLocation::S3 { prefix, endpoint, region } => {
                let bucket = format!("{prefix}{}", site.container);
                s3(&site, bucket, endpoint.as_ref(), region, access, patience)?
            }
        }))
    };
    let transfer = open(Patience::Transfer)?;
    let (question, folder) = match location {
        AccountLocation::Folder(root) => (Arc::clone(&transfer), Some(root.join(&site.container))),
        _ => (open(Patience::Question)?, None),
    };
    Ok(Container::new(site, question, transfer, folder))
}

fn folder(site: &Site, root: &Path, access: &Access) -> Result<Arc<dyn ObjectStore>, StorageError> {
    let failed = |reason: String| StorageError::Failed { account: site.account.clone(), reason };
    let key = key(site, access, "it is a folder")?;
    let account = FolderAccount::open(root).map_err(|error| failed(error.to_string()))?;
    if !account.opens(key) {
        return Err(StorageError::WrongKey {
            account: site.account.clone(),
            reason: "AuthenticationFailed".into(),
        });
    }
    let path = root.join(&site.container);
    if !path.is_dir() {
        return Err(site.container_missing());
    }
    let store = LocalFileSystem::new_with_prefix(&path).map_err(|error| failed(error.to_string()))?;
    Ok(Arc::new(store.with_fsync(true)))
}

fn blob(
    site: &Site,
    url: &Url,
    access: &Access,
    patience: Patience,
) -> Result<Arc<dyn ObjectStore>, StorageError> {
    let mut builder = MicrosoftAzureBuilder::new()
        .with_account(&site.account)
        .with_container_name(&site.container)
        .with_endpoint(url.as_str().trim_end_matches('/').to_owned())
        .with_client_options(client_options(url))
        .with_retry(retries(patience));
    builder = match access {
        Access::AccessKey(key) => {
            check_base64(site, key)?;
            builder.with_access_key(key.expose()).with_credential_type("access_key")
        }
        Access::SystemAssigned => builder.with_credential_type("managed_identity"),
        Access::UserAssigned { client_id } => {
            builder.with_credential_type("managed_identity").with_config(AzureConfigKey::ClientId, client_id)
        }
    };
    let store = builder.build().map_err(|error| site.explain(&error, ""))?;
    Ok(Arc::new(store))
}

fn s3(
    site: &Site,
    bucket: String,
    endpoint: Option<&Url>,
    region: &str,
    access: &Access,
    patience: Patience,
) -> Result<Arc<dyn ObjectStore>, StorageError> {
    let key = key(site, access, "it is S3-compatible storage")?;
    let (id, secret) =
        key.expose().split_once(':').filter(|(id, secret)| !id.is_empty() && !secret.is_empty()).ok_or_else(
            || StorageError::WrongKey {
                account: site.account.clone(),
                reason: "a key of S3-compatible storage reads ACCESSKEYID:SECRET".into(),
            },
        )?;
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(region)
        .with_access_key_id(id)
        .with_secret_access_key(secret)
        .with_retry(retries(patience));
    if let Some(endpoint) = endpoint {
        builder = builder
            .with_endpoint(endpoint.as_str().trim_end_matches('/'))
            .with_client_options(client_options(endpoint));
    }
    let store = builder.build().map_err(|error| site.explain(&error, ""))?;
    Ok(Arc::new(store))
}

fn key<'a>(site: &Site, access: &'a Access, why: &str) -> Result<&'a Secret, StorageError> {
    match access {
        Access::AccessKey(key) => Ok(key),
        _ => Err(StorageError::Identity { account: site.account.clone(), reason: why.to_owned() }),
    }
}

fn check_base64(site: &Site, key: &Secret) -> Result<(), StorageError> {
    use base64::Engine;
    match base64::engine::general_purpose::STANDARD.decode(key.expose()) {
        Ok(bytes) if !bytes.is_empty() => Ok(()),
        _ => Err(StorageError::WrongKey {
            account: site.account.clone(),
            reason: "an account key is Base64, and this is not".into(),
        }),
    }
}

/// Plain HTTP only to an endpoint that is written so; a request has long enough for a part on a slow line.
fn client_options(endpoint: &Url) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(endpoint.scheme() == "http")
        .with_connect_timeout(Duration::from_secs(5))
        .with_timeout(Duration::from_mins(3))
}

fn retries(patience: Patience) -> RetryConfig {
    let (max_retries, seconds) = match patience {
        Patience::Question => (2, 15),
        Patience::Transfer => (8, 180),
    };
    RetryConfig {
        backoff: BackoffConfig { init_backoff: Duration::from_millis(200), ..BackoffConfig::default() },
        max_retries,
        retry_timeout: Duration::from_secs(seconds),
    }
}
