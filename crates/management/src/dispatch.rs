//! From an HTTP request to an answer: identifies, authenticates, checks the api-version and the right, and hands on.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use evergate_model::SubscriptionId;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tracing::Instrument;
use uuid::Uuid;

use crate::call::{self, Call};
use crate::error::ApiError;
use crate::parts::App;
use crate::query::Query;
use crate::route::{self, BadRoute, Route};
use crate::version::{self, ApiVersion};
use crate::{arm, engine, export_link, service};

/// The largest request body: an inline API description and its JSON escapes.
const LARGEST_BODY: usize = 2 * crate::import::LARGEST_DESCRIPTION;

/// Answers any management request.
pub(crate) async fn handle(State(app): State<Arc<App>>, request: Request) -> Response {
    let id = Uuid::new_v4();
    let span = tracing::info_span!(
        "management",
        request_id = %id,
        method = %request.method(),
        // The key of an export's link is all it takes to read it.
        path = if export_link::is_one(request.uri().path()) { export_link::PREFIX } else { request.uri().path() },
    );
    let given = request.headers().clone();
    let mut response = async {
        let response = serve(app, request).await.unwrap_or_else(IntoResponse::into_response);
        tracing::info!(status = response.status().as_u16(), "answered");
        response
    }
    .instrument(span)
    .await;
    identify(response.headers_mut(), &given, id);
    response
}

/// The ids by which a client, its log and ours name the same request.
fn identify(headers: &mut HeaderMap, given: &HeaderMap, id: Uuid) {
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert("x-ms-request-id", id.clone());
        let correlation = given.get("x-ms-correlation-request-id").cloned().unwrap_or(id);
        headers.insert("x-ms-correlation-request-id", correlation);
    }
    let returned = given.get("x-ms-return-client-request-id").is_none_or(|value| value != "false");
    if let Some(client) = given.get("x-ms-client-request-id").filter(|_| returned) {
        headers.insert("x-ms-client-request-id", client.clone());
    }
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
}

async fn serve(app: Arc<App>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    if let Some(token) = path.strip_prefix(export_link::PREFIX) {
        return export_link::read(&app, token).await;
    }
    let route = route::parse(&path);
    if route == Ok(Route::Metadata) {
        return Ok(arm::metadata::endpoints(&app, &query));
    }
    let authorization = parts.headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    let caller = app.guard.admit(authorization).await?;
    let route = route.map_err(|bad| match bad {
        BadRoute::Unknown => ApiError::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            format!("There is nothing at '{path}'. Paths begin with /subscriptions/{{id}}."),
        ),
        BadRoute::Name(error) => error,
    })?;
    let body = match parts.method {
        Method::PUT | Method::PATCH | Method::POST => read(body).await?,
        _ => Bytes::new(),
    };
    let call = Call { app, caller, method: parts.method, path, query, headers: parts.headers, body };
    answer(call, route).await
}

async fn read(body: Body) -> Result<Bytes, ApiError> {
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestContentTooLarge",
            format!("The request's body is larger than {LARGEST_BODY} bytes."),
        )),
        Err(error) => Err(ApiError::bad_request(
            "InvalidRequestContent",
            format!("The request's body ended early: {error}."),
        )),
    }
}

async fn answer(call: Call, route: Route) -> Result<Response, ApiError> {
    if let Some(subscription) = route.subscription()
        && *subscription != call.app.instance.subscription
    {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "SubscriptionNotFound",
            format!("The subscription '{subscription}' could not be found."),
        ));
    }
    if let Route::OperationResult(service, id) = &route {
        // Whatever api-version the poll names: clients send the one of their last request, or none.
        return service::operation::poll(&call, service, id).await;
    }
    let asked = call.query.get("api-version").map(str::to_owned);
    let version = |resource_type: &str| ApiVersion::parse(asked.as_deref(), resource_type);
    match route {
        Route::CheckName(subscription) => {
            version("checkNameAvailability")?;
            service::name::check(&call, &subscription).await
        }
        Route::DeletedServices(subscription) => {
            version("deletedservices")?;
            service::deleted::list(&call, &subscription).await
        }
        Route::DeletedService(subscription, location, name) => {
            version("locations/deletedservices")?;
            service::deleted::one(&call, &subscription, &location, &name).await
        }
        Route::Services(subscription, group) => {
            version("service")?;
            service::list(&call, &subscription, group.as_ref()).await
        }
        Route::Service(id) => {
            let version = version("service")?;
            service::one(&call, &id, version).await
        }
        Route::Inside(id, segments) => {
            let version = version("service")?;
            inside(&call, id, version, &segments).await
        }
        route => {
            version::check_any(asked.as_deref())?;
            arm::answer(&call, route).await
        }
    }
}

/// A request inside a service: an action on the service, or its configuration.
async fn inside(
    call: &Call,
    id: evergate_model::ServiceId,
    version: ApiVersion,
    segments: &[String],
) -> Result<Response, ApiError> {
    if let [word] = segments
        && let Some(answer) = service::action(call, &id, word).await
    {
        return answer;
    }
    engine::answer(call, id, version, segments).await
}

impl Route {
    fn subscription(&self) -> Option<&SubscriptionId> {
        match self {
            Self::Metadata
            | Self::Tenants
            | Self::Subscriptions
            | Self::ProviderOperations
            | Self::Providers(None, _) => None,
            Self::Providers(Some(subscription), _)
            | Self::RegisterProvider(subscription, _)
            | Self::Subscription(subscription)
            | Self::Locations(subscription)
            | Self::ResourceGroups(subscription)
            | Self::ResourceGroup(subscription, _)
            | Self::Resources(subscription, _)
            | Self::CheckName(subscription)
            | Self::DeletedServices(subscription)
            | Self::DeletedService(subscription, ..)
            | Self::Services(subscription, _) => Some(subscription),
            Self::Service(service) | Self::OperationResult(service, _) | Self::Inside(service, _) => {
                Some(&service.subscription)
            }
        }
    }
}

/// An answer to `HEAD` that says yes.
pub(crate) fn yes() -> Response {
    call::empty(StatusCode::NO_CONTENT)
}
