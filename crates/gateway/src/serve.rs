//! One request, from its head to the head of its response: host, API, operation, key, then the
//! policies `inbound`, `backend`, the upstream, and `outbound`, or `on-error`.
//!
//! All that needs no waiting is done at once, in [`serve`]; only a request that is forwarded becomes a
//! future, and that one is on the heap, so that nobody moves it about.

mod forward;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use evergate_policy::evaluate::{NoLimits, NoParameters, Parameters, run};
use evergate_policy::{Answer, Document, Exchange, Failure, Outcome, Section, cors, query};
use http::header::{CONTENT_LENGTH, HOST, VARY};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;

use crate::access::{self, Denied};
use crate::body::ResponseBody;
use crate::headers::Caller;
use crate::limits::Counting;
use crate::table::{ApiTable, OperationTable, Scope, ServiceTable, Table};
use crate::worker::Shared;
use crate::{answer, headers, target};
use forward::Forwarding;

/// Answers 200 whatever is configured, as the original's probe does.
const PROBE: &str = "/status-0123456789abcdef";

/// A request that was begun.
pub(crate) enum Served {
    /// It is answered already.
    Answered(Response<ResponseBody>),
    /// Its upstream will answer.
    Forwarded(Pin<Box<dyn Future<Output = Response<ResponseBody>> + Send>>),
}

impl Served {
    pub(crate) async fn response(self) -> Response<ResponseBody> {
        match self {
            Self::Answered(response) => response,
            Self::Forwarded(response) => response.await,
        }
    }
}

/// Serves one request.
pub(crate) fn serve(shared: &Shared, table: &Table, caller: &Caller, request: Request<Incoming>) -> Served {
    let (mut parts, body) = request.into_parts();
    if parts.uri.path() == PROBE {
        return Served::Answered(plain(Answer::empty()));
    }
    let unserved = |failure: &Failure| {
        shared.metrics.unrouted(failure.status);
        Served::Answered(plain(answer::failure(failure)))
    };
    let service = match check_head(&parts).map(|host| table.service(host)) {
        Ok(Some(service)) => service,
        Ok(None) => return unserved(&answer::not_found()),
        Err(failure) => return unserved(&failure),
    };
    let unrouted = |failure: &Failure| {
        service.metrics.unrouted(failure.status);
        Served::Answered(plain(answer::failure(failure)))
    };
    let uri = std::mem::take(&mut parts.uri);
    let query = uri.query().unwrap_or_default();
    let Some(path) = target::normal(uri.path()) else {
        let message = "The request's path is not valid.";
        return unrouted(&answer::refusal(StatusCode::BAD_REQUEST, "BadRequest", message));
    };
    let Some((api, rest)) = service.paths.find(&path, query, &parts.headers) else {
        return unrouted(&answer::not_found());
    };
    headers::arrived(&mut parts.headers);
    Call { shared, service, api, caller, rest, query }.serve(parts, body)
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
    service: &'r Arc<ServiceTable>,
    api: &'r Arc<ApiTable>,
    caller: &'r Caller,
    /// The path below the API's own.
    rest: &'r str,
    query: &'r str,
}

/// The documents of a request's scopes, innermost first.
type Chain<'t> = Vec<&'t Arc<Document>>;

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
    fn serve(&self, parts: Parts, body: Incoming) -> Served {
        if cors::is_preflight(&parts.method, &parts.headers)
            && let Some(answer) = self.preflight(&parts.headers)
        {
            return Served::Answered(self.counted(plain(answer)));
        }
        let found = self.api.routes.find(parts.method.as_str(), self.rest, self.query);
        let (operation, captures) = match found {
            Some(found) => (Some(found.operation), found.captures),
            None => (None, Vec::new()),
        };
        let access = access::check(self.service, self.api, &parts.headers, self.query);
        let ready = match (operation, &access) {
            (None, _) => Err(answer::not_found()),
            (_, Err(denied)) => Err(self.denied(*denied, &parts.headers)),
            (_, Ok(_)) => Ok(()),
        };
        let access = access.unwrap_or_default();
        let product = access.product.map_or(&Scope::None, |product| &product.policy);
        let own = operation.map_or(&Scope::None, |operation| &operation.policy);
        let mut chain = Chain::new();
        let collected = collect(&mut chain, [own, &self.api.policy, product, &self.service.policy]);

        let parameters = Captured { operation: operation.map(Arc::as_ref), captures, query: self.query };
        let responses = operation.map_or(&[][..], |operation| &operation.source.responses);
        let Parts { method, mut headers, .. } = parts;
        // Before the policies: what `Connection` names must not be theirs.
        headers::forward_request(&mut headers, self.caller);
        let mut exchange =
            Exchange::new(method, headers, self.query, self.caller.address, &parameters, responses);
        let mut counting = Counting {
            counters: &self.shared.counters,
            service: &self.service.source.id,
            subject: access.subscription.map_or("", |subscription| &subscription.id),
            api: self.api,
            operation: operation.map(Arc::as_ref),
            meters: Vec::new(),
        };
        let begun = collected.and(ready).and_then(|()| run_request(&chain, &mut exchange, &mut counting));
        let begun = match begun {
            Ok(Some(body)) => Ok(body),
            Ok(None) => match self.prepare(&mut exchange, body) {
                Ok(prepared) => {
                    let after = After::new(self, &chain, operation, exchange.response_headers);
                    return Served::Forwarded(Box::pin(
                        Forwarding::new(prepared, after, counting.meters).run(),
                    ));
                }
                Err(failure) => Err(failure),
            },
            Err(failure) => Err(failure),
        };
        let body = begun.unwrap_or_else(|failure| on_error(&chain, &mut exchange, &failure));
        Served::Answered(self.counted(finish(exchange, body)))
    }

    fn counted(&self, response: Response<ResponseBody>) -> Response<ResponseBody> {
        self.api.metrics.count(response.status());
        response
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

/// What is left to do once a request has been forwarded.
struct After {
    service: Arc<ServiceTable>,
    api: Arc<ApiTable>,
    /// The documents and the operation, if any policy may still act.
    documents: Vec<Arc<Document>>,
    operation: Option<Arc<OperationTable>>,
    response_headers: Vec<(http::HeaderName, http::HeaderValue)>,
    caller: std::net::IpAddr,
}

impl After {
    fn new(
        call: &Call<'_>,
        chain: &Chain<'_>,
        operation: Option<&Arc<OperationTable>>,
        response_headers: Vec<(http::HeaderName, http::HeaderValue)>,
    ) -> Self {
        let acts = chain.iter().any(|document| document.acts_after());
        Self {
            service: Arc::clone(call.service),
            api: Arc::clone(call.api),
            documents: if acts {
                chain.iter().map(|document| Arc::clone(document)).collect()
            } else {
                Vec::new()
            },
            operation: operation.filter(|_| acts).cloned(),
            response_headers,
            caller: call.caller.address,
        }
    }

    /// Runs `outbound` on what the upstream answered, or `on-error` on why it did not.
    fn finish(
        self,
        answered: Result<(StatusCode, HeaderMap, ResponseBody), Failure>,
    ) -> Response<ResponseBody> {
        let documents: Vec<&Arc<Document>> = self.documents.iter().collect();
        let responses = self.operation.as_ref().map_or(&[][..], |operation| &operation.source.responses);
        let mut exchange =
            Exchange::new(Method::GET, HeaderMap::new(), "", self.caller, &NoParameters, responses);
        exchange.response_headers = self.response_headers;
        let outcome = answered.and_then(|(status, headers, body)| {
            exchange.response.status = status;
            exchange.response.headers = headers;
            match run(&documents, Section::Outbound, &mut exchange, &mut NoLimits)? {
                Outcome::Respond(answer) => Ok(respond(&mut exchange, *answer)),
                Outcome::Continue => Ok(body),
            }
        });
        let body = outcome.unwrap_or_else(|failure| on_error(&documents, &mut exchange, &failure));
        let response = finish(exchange, body);
        self.api.metrics.count(response.status());
        response
    }
}

/// Runs the sections before the upstream. What comes back is a body when the response is made already;
/// its head is then in the exchange.
fn run_request<'c>(
    documents: &[&'c Arc<Document>],
    exchange: &mut Exchange<'c>,
    counting: &mut Counting<'_>,
) -> Result<Option<ResponseBody>, Failure> {
    for section in [Section::Inbound, Section::Backend] {
        if let Outcome::Respond(answer) = run(documents, section, exchange, counting)? {
            return Ok(Some(respond(exchange, *answer)));
        }
    }
    if exchange.forward.is_some() {
        return Ok(None);
    }
    match run(documents, Section::Outbound, exchange, counting)? {
        Outcome::Respond(answer) => Ok(Some(respond(exchange, *answer))),
        Outcome::Continue => Ok(Some(ResponseBody::whole(bytes::Bytes::new()))),
    }
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
    documents: &[&'c Arc<Document>],
    exchange: &mut Exchange<'c>,
    failure: &Failure,
) -> ResponseBody {
    let body = respond(exchange, answer::failure(failure));
    match run(documents, Section::OnError, exchange, &mut NoLimits) {
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
        if name == VARY {
            head.headers.append(name, value);
        } else {
            head.headers.insert(name, value);
        }
    }
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    response
}
