//! `/metadata/endpoints`: how `az cloud register --endpoint-resource-manager` learns everything else.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use crate::call;
use crate::parts::App;
use crate::query::Query;

/// The cloud this instance is. `ARM_CLOUD_METADATA_URL` clients and api-versions from 2019 on expect a list of
/// clouds; `az cloud register` asks with 2022-09-01 and reads one object.
pub(crate) fn endpoints(app: &App, query: &Query) -> Response {
    let cloud = cloud(app);
    let version = query.get("api-version").unwrap_or_default();
    let listed = ("2019-05-01".."2022-09-01").contains(&version);
    call::json(StatusCode::OK, &if listed { Value::Array(vec![cloud]) } else { cloud })
}

fn cloud(app: &App) -> Value {
    let endpoint = &app.instance.endpoint;
    json!({
        "name": "Evergate",
        "portal": endpoint,
        "authentication": {
            "loginEndpoint": endpoint,
            "audiences": [endpoint, "https://management.azure.com/", "https://management.core.windows.net/"],
            "tenant": app.instance.tenant,
            "identityProvider": "AAD",
        },
        "resourceManager": endpoint,
        "graph": endpoint,
        "graphAudience": endpoint,
        "microsoftGraphResourceId": endpoint,
        "media": endpoint,
        "gallery": endpoint,
        "suffixes": {},
    })
}
