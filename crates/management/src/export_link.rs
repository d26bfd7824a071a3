//! Short-lived links to exported API descriptions: whoever has the link may read, as with the original's
//! signed storage links.

use axum::body::Body;
use axum::response::Response;
use evergate_store::Record;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, internal};
use crate::parts::App;

/// Where the links are.
pub(crate) const PREFIX: &str = "/exports/";
const COLLECTION: &str = "exports";
const LIFE: SignedDuration = SignedDuration::from_mins(5);

#[derive(Serialize, Deserialize)]
struct Exported {
    expires_at: Timestamp,
    content_type: String,
    text: String,
}

/// Whether a path is such a link.
pub(crate) fn is_one(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Keeps a document for five minutes and returns its URL.
pub(crate) async fn create(app: &App, content_type: &str, text: &str) -> Result<String, ApiError> {
    let now = (app.instance.clock)();
    for record in app.store.records(COLLECTION).await? {
        let expired =
            serde_json::from_slice::<Exported>(&record.value).is_ok_and(|old| old.expires_at <= now);
        if expired {
            app.store.take_record(COLLECTION, &record.key).await?;
        }
    }
    let exported = Exported {
        expires_at: now.checked_add(LIFE).unwrap_or(now),
        content_type: content_type.to_owned(),
        text: text.to_owned(),
    };
    let key = crate::parts::random_key().expose().to_owned();
    let value = serde_json::to_vec(&exported).map_err(|error| internal(&error))?;
    app.store.create_record(Record { collection: COLLECTION.to_owned(), key: key.clone(), value }).await?;
    Ok(format!("{}{PREFIX}{key}", app.instance.endpoint))
}

/// Answers such a link.
pub(crate) async fn read(app: &App, key: &str) -> Result<Response, ApiError> {
    let gone = || {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "ResourceNotFound",
            "The link has expired. Export the API again.",
        )
    };
    let record = app.store.record(COLLECTION, key).await?.ok_or_else(gone)?;
    let exported: Exported = serde_json::from_slice(&record.value).map_err(|error| internal(&error))?;
    if exported.expires_at <= (app.instance.clock)() {
        return Err(gone());
    }
    let mut response = Response::new(Body::from(exported.text));
    if let Ok(content_type) = HeaderValue::from_str(&exported.content_type) {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    Ok(response)
}
