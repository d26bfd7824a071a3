//! Runs the policies of a request's scopes.

mod guard;
mod message;

use std::net::IpAddr;

use bytes::Bytes;
use evergate_model::snapshot;
use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::document::{BackendReference, Document, Forward, Quota, RateLimit, Section, Statement};

/// A request and, later, its response, while policies work on them.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The method to forward with.
    pub method: Method,
    /// The request's headers.
    pub headers: HeaderMap,
    /// The query the client sent, without `?`.
    pub client_query: &'a str,
    /// The caller's address.
    pub client: IpAddr,
    /// Template parameters of the operation: name and value as it stood in the URL.
    pub parameters: &'a dyn Parameters,
    /// Responses the operation declares.
    pub responses: &'a [snapshot::MockResponse],
    /// The path below the backend, when a policy rewrote it.
    pub path: Option<String>,
    /// The query to forward, when a policy changed it.
    pub query: Option<String>,
    /// The request's body, when a policy replaced it.
    pub body: Option<Bytes>,
    /// The backend, when a policy chose one.
    pub backend: Option<&'a BackendReference>,
    /// How to forward, when a policy said to.
    pub forward: Option<Forward>,
    /// Whether a policy set the `Host` to forward with.
    pub host_set: bool,
    /// Whether a `cors` policy let a cross-origin request in.
    pub cors_allowed: bool,
    /// Headers that the response gets at the end; `Vary` is added to, others are replaced.
    pub response_headers: Vec<(HeaderName, HeaderValue)>,
    /// The response, once there is one.
    pub response: ResponseHead,
}

/// The response while policies work on it.
#[derive(Debug, Default)]
pub struct ResponseHead {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, when a policy replaced it.
    pub body: Option<Bytes>,
}

/// The values of an operation's template parameters.
pub trait Parameters: std::fmt::Debug + Sync {
    /// The value, still percent-encoded.
    fn parameter(&self, name: &str) -> Option<&str>;
    /// Whether the operation's template names this query parameter.
    fn takes_query(&self, name: &str) -> bool;
}

/// What policies need done that outlasts a request.
pub trait Effects {
    /// Counts a call against a rate limit.
    fn rate_limit(&mut self, limit: &RateLimit) -> Verdict;
    /// Counts a call against a quota.
    fn quota(&mut self, quota: &Quota) -> Verdict;
}

/// For sections that cannot hold a limit.
#[derive(Debug)]
pub struct NoLimits;

impl Effects for NoLimits {
    fn rate_limit(&mut self, _: &RateLimit) -> Verdict {
        Verdict::Allowed { remaining: 0, total: 0 }
    }

    fn quota(&mut self, _: &Quota) -> Verdict {
        Verdict::Allowed { remaining: 0, total: 0 }
    }
}

/// An operation without template parameters, or one whose parameters no longer matter.
#[derive(Debug)]
pub struct NoParameters;

impl Parameters for NoParameters {
    fn parameter(&self, _: &str) -> Option<&str> {
        None
    }

    fn takes_query(&self, _: &str) -> bool {
        false
    }
}

/// What a limit says to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Let in.
    Allowed {
        /// Calls that remain of the limit that has the fewest.
        remaining: u64,
        /// Calls of that limit in all.
        total: u64,
    },
    /// Kept out.
    Exceeded {
        /// Seconds until the next call may succeed; none when never.
        retry_after: Option<u64>,
        /// Whether it was bandwidth that ran out.
        bandwidth: bool,
    },
}

/// A response made by a policy.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// 200 with nothing in it.
    pub fn empty() -> Self {
        Self::default()
    }
}

/// How a section ended.
#[derive(Debug)]
pub enum Outcome {
    /// Go on.
    Continue,
    /// Answer this, and run nothing further.
    Respond(Box<Answer>),
}

/// Why a policy refused a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The status to answer.
    pub status: StatusCode,
    /// The original's name for it.
    pub reason: &'static str,
    /// What the client reads.
    pub message: String,
    /// Headers to answer with.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// Runs one section of the documents of all scopes, innermost first in `chain`.
///
/// Where the outermost scope of `backend` leads further out, the request is forwarded: that is what a
/// service without a policy document does.
pub fn run<'a, D: AsRef<Document>>(
    chain: &[&'a D],
    section: Section,
    exchange: &mut Exchange<'a>,
    effects: &mut dyn Effects,
) -> Result<Outcome, Failure> {
    let Some((&document, outer)) = chain.split_first() else {
        if section == Section::Backend {
            exchange.forward = Some(Forward::default());
        }
        return Ok(Outcome::Continue);
    };
    let Some(statements) = document.as_ref().section(section) else {
        return run(outer, section, exchange, effects);
    };
    for statement in statements {
        let outcome = match statement {
            Statement::Base => run(outer, section, exchange, effects)?,
            statement => exchange.apply(statement, section, effects)?,
        };
        if let Outcome::Respond(_) = outcome {
            return Ok(outcome);
        }
    }
    Ok(Outcome::Continue)
}

impl<'a> Exchange<'a> {
    /// A request that no policy has touched.
    pub fn new(
        method: Method,
        headers: HeaderMap,
        client_query: &'a str,
        client: IpAddr,
        parameters: &'a dyn Parameters,
        responses: &'a [snapshot::MockResponse],
    ) -> Self {
        Self {
            method,
            headers,
            client_query,
            client,
            parameters,
            responses,
            path: None,
            query: None,
            body: None,
            backend: None,
            forward: None,
            host_set: false,
            cors_allowed: false,
            response_headers: Vec::new(),
            response: ResponseHead::default(),
        }
    }

    /// The query as it stands.
    pub fn current_query(&self) -> &str {
        self.query.as_deref().unwrap_or(self.client_query)
    }

    fn apply(
        &mut self,
        statement: &'a Statement,
        section: Section,
        effects: &mut dyn Effects,
    ) -> Result<Outcome, Failure> {
        if section == Section::Backend && self.forward.is_some() {
            return Err(Failure::unsupported("a policy after forward-request in <backend>"));
        }
        let on_request = matches!(section, Section::Inbound | Section::Backend);
        match statement {
            Statement::Base => {}
            Statement::SetHeader(set) if on_request => {
                self.host_set |= set.name == HOST;
                message::set_header(&mut self.headers, set);
            }
            Statement::SetHeader(set) => message::set_header(&mut self.response.headers, set),
            Statement::SetBody(body) if on_request => self.body = Some(body.clone()),
            Statement::SetBody(body) => self.response.body = Some(body.clone()),
            Statement::SetStatus(status) => self.response.status = *status,
            Statement::SetMethod(method) => self.method = method.clone(),
            Statement::SetQueryParameter(set) => self.set_query_parameter(set),
            Statement::RewriteUri(rewrite) => self.rewrite(rewrite)?,
            Statement::SetBackend(backend) => self.backend = Some(backend),
            Statement::Forward(forward) => self.forward = Some(*forward),
            Statement::ReturnResponse(response) => {
                return Ok(Outcome::Respond(Box::new(message::canned(response))));
            }
            Statement::MockResponse(mock) => {
                return Ok(Outcome::Respond(Box::new(message::mock(self.responses, mock))));
            }
            Statement::RateLimit(limit) => self.rate_limit(limit, effects.rate_limit(limit))?,
            Statement::Quota(quota) => guard::quota(effects.quota(quota))?,
            Statement::Cors(cors) => return Ok(self.cors(cors)),
            Statement::IpFilter(filter) => guard::ip_filter(filter, self.client)?,
            Statement::CheckHeader(check) => guard::check_header(check, &self.headers)?,
        }
        Ok(Outcome::Continue)
    }
}

impl Failure {
    pub(crate) fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, message: message.into(), headers: Vec::new() }
    }

    /// What the gateway cannot do, it refuses to do in part.
    pub fn unsupported(what: &str) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "PolicyNotSupported",
            format!("The gateway does not support {what}."),
        )
    }
}

#[cfg(test)]
mod tests;
