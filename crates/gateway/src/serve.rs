//! One request, from its head to the head of its response: host, API, operation, key, then the
//! policies `inbound`, `backend`, the upstream, and `outbound`, or `on-error`.

mod forward;

use std::net::IpAddr;
use std::sync::Arc;

use evergate_policy::evaluate::{Parameters, run};
use evergate_policy::{Answer, Document, Exchange, Failure, Outcome, Section, cors, query};
use http::header::{CONTENT_LENGTH, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;

use crate::access::{self, Denied};
use crate::body::ResponseBody;
use crate::limits::{Counting, Meter};
use crate::table::{ApiTable, OperationTable, Scope, ServiceTable, Table};
use crate::worker::Shared;
use crate::{answer, headers, target};

/// Answers 200 whatever is configured, as the original's probe does.
const PROBE: &str = "/status-0123456789abcdef";

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) address: IpAddr,
    pub(crate) secure: bool,
}

/// Serves one request.
pub(crate) async fn serve(
    shared: &Shared,
    table: &Table,
    caller: Caller,
    request: Request<Incoming>,
) -> Response<ResponseBody> {
    let (parts, body) = request.into_parts();
    if parts.uri.path() == PROBE {
        return plain(Answer::empty());
    }
    let unserved = |failure: Failure| {
        shared.metrics.unrouted(failure.status);
        plain(answer::failure(&failure))
    };
    let service = match check_head(&parts).map(|host| table.service(host)) {
        Ok(Some(service)) => Arc::clone(service),
        Ok(None) => return unserved(answer::not_found()),
        Err(failure) => return unserved(failure),
    };
    let uri = parts.uri.clone();
    let query = uri.query().unwrap_or_default();
    let Some(path) = target::normal(uri.path()) else {
        service.metrics.unrouted(StatusCode::BAD_REQUEST);
        let message = "The request's path is not valid.";
        return plain(answer::error(StatusCode::BAD_REQUEST, message));
    };
    let Some((api, rest)) = service.paths.find(&path, query, &parts.headers) else {
        let failure = answer::not_found();
        service.metrics.unrouted(failure.status);
        return plain(answer::failure(&failure));
    };
    let client_host = parts.headers.get(HOST).cloned();
    let call = Call { shared, service: &service, api, caller, rest, query, client_host };
    let response = call.answer(parts, body).await;
    api.metrics.count(response.status());
    response
}

/// The host a request is for, once its head makes sense.
fn check_head(parts: &Parts) -> Result<&str, Failure> {
    let bad = |message: &str| answer::refusal(StatusCode::BAD_REQUEST, "BadRequest", message);
    if parts.method == Method::CONNECT || headers::wants_websocket(&parts.headers) {
        let message = "The gateway does not open tunnels or WebSockets.";
        return Err(answer::refusal(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message));
    }
    let mut hosts = parts.headers.get_all(HOST).iter();
    let header = hosts.next();
    if hosts.next().is_some() {
        return Err(bad("The request has more than one Host."));
    }
    if let Some(authority) = parts.uri.authority() {
        return Ok(authority.host());
    }
    match header {
        Some(host) => host.to_str().map_err(|_| bad("The request's Host is not valid.")),
        None if parts.version == Version::HTTP_10 => Ok(""),
        None => Err(bad("The request has no Host.")),
    }
}

/// A response without anything to count or decorate.
fn plain(answer: Answer) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

/// A request to a known API.
struct Call<'r> {
    shared: &'r Shared,
    service: &'r ServiceTable,
    api: &'r ApiTable,
    caller: Caller,
    /// The path below the API's own.
    rest: &'r str,
    query: &'r str,
    /// The `Host` the client sent, to tell it from one that a policy set.
    client_host: Option<HeaderValue>,
}

/// The documents of a request's scopes, innermost first.
type Chain<'t> = Vec<&'t Document>;

/// Template parameters of the operation that was found.
#[derive(Debug)]
struct Captured<'r> {
    operation: Option<&'r OperationTable>,
    captures: Vec<&'r str>,
    query: &'r str,
}

impl Parameters for Captured<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        let template = self.operation?.template.as_ref()?;
        if let Some(at) = template.names.iter().position(|known| **known == *name) {
            return self.captures.get(at).copied();
        }
        let part = template.query.iter().find(|part| part.parameter.as_deref() == Some(name))?;
        query::find(self.query, &part.name)
    }

    fn takes_query(&self, name: &str) -> bool {
        let template = self.operation.and_then(|operation| operation.template.as_ref());
        template.is_some_and(|template| template.query.iter().any(|part| *part.name == *name))
    }
}

impl Call<'_> {
    async fn answer(&self, parts: Parts, body: Incoming) -> Response<ResponseBody> {
        if cors::is_preflight(&parts.method, &parts.headers)
            && let Some(answer) = self.preflight(&parts.headers)
        {
            return plain(answer);
        }
        let found = self.api.routes.find(parts.method.as_str(), self.rest, self.query);
        let (operation, captures) = match found {
            Some(found) => (Some(found.operation.as_ref()), found.captures),
            None => (None, Vec::new()),
        };
        let parameters = Captured { operation, captures, query: self.query };
        let responses = operation.map_or(&[][..], |operation| &operation.source.responses);
        let access = access::check(self.service, self.api, &parts.headers, self.query);
        let mut chain = Chain::new();
        let ready = match (operation, &access) {
            (None, _) => Err(answer::not_found()),
            (_, Err(denied)) => Err(self.denied(*denied, &parts.headers)),
            (_, Ok(_)) => Ok(()),
        };
        let access = access.unwrap_or_default();
        let product = access.product.map_or(&Scope::None, |product| &product.policy);
        let own = operation.map_or(&Scope::None, |operation| &operation.policy);
        let collected = collect(&mut chain, [own, &self.api.policy, product, &self.service.policy]);
        let mut counting = Counting {
            counters: &self.shared.counters,
            service: &self.service.source.id,
            subject: access.subscription.map_or("", |subscription| &subscription.id),
            api: self.api,
            operation,
            meters: Vec::new(),
        };
        let Parts { method, headers, .. } = parts;
        let mut exchange =
            Exchange::new(method, headers, self.query, self.caller.address, &parameters, responses);
        let served = match collected.and(ready) {
            Ok(()) => self.run(&chain, &mut exchange, &mut counting, body).await,
            Err(failure) => Err(failure),
        };
        let body = match served {
            Ok(body) => body,
            Err(failure) => on_error(&chain, &mut exchange, &mut counting, &failure),
        };
        finish(exchange, body)
    }

    /// Runs the sections in order; what comes back is the response's body, its head is in the exchange.
    async fn run<'c>(
        &'c self,
        chain: &[&'c Document],
        exchange: &mut Exchange<'c>,
        counting: &mut Counting<'c>,
        body: Incoming,
    ) -> Result<ResponseBody, Failure> {
        for section in [Section::Inbound, Section::Backend] {
            if let Outcome::Respond(answer) = run(chain, section, exchange, counting)? {
                return Ok(respond(exchange, *answer));
            }
        }
        let body = match exchange.forward {
            Some(forward) => {
                let meters: Vec<Meter> = std::mem::take(&mut counting.meters);
                self.forward(exchange, forward, body, meters).await?
            }
            None => ResponseBody::whole(bytes::Bytes::new()),
        };
        match run(chain, Section::Outbound, exchange, counting)? {
            Outcome::Respond(answer) => Ok(respond(exchange, *answer)),
            Outcome::Continue => Ok(body),
        }
    }

    /// Answers a preflight for the operation the browser means, or for the API when there is none.
    fn preflight(&self, headers: &HeaderMap) -> Option<Answer> {
        let method = headers.get(http::header::ACCESS_CONTROL_REQUEST_METHOD)?.to_str().ok()?;
        let found = self.api.routes.find(method, self.rest, self.query);
        let own = found.map_or(&Scope::None, |found| &found.operation.policy);
        let product = self.service.open_products.get(&self.api.key);
        let product = product.map_or(&Scope::None, |product| &product.policy);
        let mut chain = Chain::new();
        match collect(&mut chain, [own, &self.api.policy, product, &self.service.policy]) {
            Ok(()) => cors::preflight(&chain, headers),
            Err(failure) => Some(answer::failure(&failure)),
        }
    }

    fn denied(&self, denied: Denied, headers: &HeaderMap) -> Failure {
        let scheme = if self.caller.secure { "https" } else { "http" };
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let realm =
            format!("{scheme}://{}/{}", host.unwrap_or(&self.service.source.name), self.api.source.path);
        let shown = match self.api.key_header.as_str() {
            crate::table::KEY_HEADER => crate::table::KEY_HEADER_SHOWN,
            _ => self.api.source.key_header.as_deref().unwrap_or_default(),
        };
        answer::unauthorized(denied == Denied::Missing, &realm, shown)
    }
}

/// Collects the documents that can be reached, innermost first. One that cannot be run stops the
/// request before anything has happened: its policies may be what protects the backend.
fn collect<'t>(chain: &mut Chain<'t>, scopes: [&'t Scope; 4]) -> Result<(), Failure> {
    for scope in scopes {
        match scope {
            Scope::None => {}
            Scope::Document(document, reaches_base) => {
                chain.push(document);
                if !reaches_base {
                    break;
                }
            }
            Scope::Broken(reason) => {
                chain.clear();
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                return Err(answer::refusal(status, "PolicyNotSupported", &**reason));
            }
        }
    }
    Ok(())
}

/// Puts an answer in the place of the response.
fn respond(exchange: &mut Exchange<'_>, answer: Answer) -> ResponseBody {
    exchange.response.status = answer.status;
    exchange.response.headers = answer.headers;
    exchange.response.body = None;
    ResponseBody::whole(answer.body)
}

/// Makes the error the response and lets `on-error` change it.
fn on_error<'c>(
    chain: &[&'c Document],
    exchange: &mut Exchange<'c>,
    counting: &mut Counting<'_>,
    failure: &Failure,
) -> ResponseBody {
    let body = respond(exchange, answer::failure(failure));
    match run(chain, Section::OnError, exchange, counting) {
        Ok(Outcome::Respond(answer)) => respond(exchange, *answer),
        // A failure while handling a failure leaves the first one's answer.
        Ok(Outcome::Continue) | Err(_) => body,
    }
}

/// Puts the last touches to a response.
fn finish(exchange: Exchange<'_>, body: ResponseBody) -> Response<ResponseBody> {
    let mut head = exchange.response;
    let body = match head.body {
        Some(replaced) => {
            head.headers.remove(CONTENT_LENGTH);
            ResponseBody::whole(replaced)
        }
        None => body,
    };
    for (name, value) in exchange.response_headers {
        head.headers.insert(name, value);
    }
    if let Some((cors, origin)) = exchange.cors {
        cors.decorate(&origin, &mut head.headers);
    }
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    response
}
