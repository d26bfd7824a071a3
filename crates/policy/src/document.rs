//! A compiled policy document: typed statements by section.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};

use crate::cors::Cors;

/// The policies of one scope.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// Before the request is forwarded.
    pub inbound: Option<Vec<Statement>>,
    /// How it is forwarded.
    pub backend: Option<Vec<Statement>>,
    /// Before the response is returned.
    pub outbound: Option<Vec<Statement>>,
    /// When something failed.
    pub on_error: Option<Vec<Statement>>,
}

/// A section of a policy document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `inbound`.
    Inbound,
    /// `backend`.
    Backend,
    /// `outbound`.
    Outbound,
    /// `on-error`.
    OnError,
}

impl Section {
    pub(crate) const ALL: [Self; 4] = [Self::Inbound, Self::Backend, Self::Outbound, Self::OnError];

    /// The element's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Backend => "backend",
            Self::Outbound => "outbound",
            Self::OnError => "on-error",
        }
    }
}

impl AsRef<Self> for Document {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Document {
    /// The statements of a section; none when the document does not have it, which is the same as
    /// a section that only says `<base/>`.
    pub fn section(&self, section: Section) -> Option<&[Statement]> {
        match section {
            Section::Inbound => self.inbound.as_deref(),
            Section::Backend => self.backend.as_deref(),
            Section::Outbound => self.outbound.as_deref(),
            Section::OnError => self.on_error.as_deref(),
        }
    }

    pub(crate) fn section_mut(&mut self, section: Section) -> &mut Option<Vec<Statement>> {
        match section {
            Section::Inbound => &mut self.inbound,
            Section::Backend => &mut self.backend,
            Section::Outbound => &mut self.outbound,
            Section::OnError => &mut self.on_error,
        }
    }

    /// Whether any section leads to the enclosing scope's policies.
    pub fn reaches_base(&self) -> bool {
        Section::ALL.into_iter().any(|section| match self.section(section) {
            None => true,
            Some(statements) => statements.iter().any(|statement| matches!(statement, Statement::Base)),
        })
    }

    /// Whether anything may happen once the request was forwarded.
    pub fn acts_after(&self) -> bool {
        let acts = |statements: &Vec<Statement>| !statements.iter().all(|s| matches!(s, Statement::Base));
        self.outbound.as_ref().is_some_and(acts) || self.on_error.as_ref().is_some_and(acts)
    }

    /// Every `set-backend-service` of the document.
    pub fn backends(&self) -> impl Iterator<Item = &BackendReference> {
        let sections = [&self.inbound, &self.backend, &self.outbound, &self.on_error];
        sections.into_iter().flatten().flatten().filter_map(|statement| match statement {
            Statement::SetBackend(backend) => Some(backend),
            _ => None,
        })
    }
}

/// One policy.
#[derive(Debug, Clone)]
pub enum Statement {
    /// `base`
    Base,
    /// `set-header`
    SetHeader(SetHeader),
    /// `set-query-parameter`
    SetQueryParameter(SetQueryParameter),
    /// `rewrite-uri`
    RewriteUri(RewriteUri),
    /// `set-backend-service`
    SetBackend(BackendReference),
    /// `return-response`
    ReturnResponse(ReturnResponse),
    /// `mock-response`
    MockResponse(MockResponse),
    /// `set-body`
    SetBody(Bytes),
    /// `set-status`
    SetStatus(StatusCode),
    /// `set-method`
    SetMethod(Method),
    /// `rate-limit`
    RateLimit(RateLimit),
    /// `quota`
    Quota(Quota),
    /// `cors`
    Cors(Cors),
    /// `ip-filter`
    IpFilter(IpFilter),
    /// `check-header`
    CheckHeader(CheckHeader),
    /// `forward-request`
    Forward(Forward),
}

/// What to do when a header or query parameter is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistsAction {
    /// Replace it.
    Override,
    /// Leave it.
    Skip,
    /// Add to it.
    Append,
    /// Remove it.
    Delete,
}

/// Sets, adds or removes a header.
#[derive(Debug, Clone)]
pub struct SetHeader {
    /// The header.
    pub name: HeaderName,
    /// What to do when it is there.
    pub action: ExistsAction,
    /// Its values.
    pub values: Vec<HeaderValue>,
}

/// Sets, adds or removes a query parameter.
#[derive(Debug, Clone)]
pub struct SetQueryParameter {
    /// The parameter.
    pub name: String,
    /// What to do when it is there.
    pub action: ExistsAction,
    /// Its values.
    pub values: Vec<String>,
}

/// Replaces path and query by a template.
#[derive(Debug, Clone)]
pub struct RewriteUri {
    /// The path's parts.
    pub path: Vec<TemplatePart>,
    /// The query's parts, when the template has a query.
    pub query: Vec<TemplatePart>,
    /// Whether query parameters that the operation's template does not name are kept.
    pub copy_unmatched: bool,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplatePart {
    /// Text as it is.
    Literal(String),
    /// The value of a template parameter.
    Parameter(String),
}

/// Where to forward instead of the API's own service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BackendReference {
    /// A URL.
    Url(Arc<str>),
    /// A backend resource, by lower-cased name.
    Named(Arc<str>),
}

/// Answers without forwarding.
#[derive(Debug, Clone)]
pub struct ReturnResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers, in order.
    pub headers: Vec<SetHeader>,
    /// The body.
    pub body: Bytes,
}

/// Answers from the operation's declared responses.
#[derive(Debug, Clone)]
pub struct MockResponse {
    /// The status to look for and to answer.
    pub status: StatusCode,
    /// The media type to look for.
    pub content_type: Option<String>,
    /// Which of several examples.
    pub index: Option<usize>,
}

/// At most so many calls in a period, per subscription.
#[derive(Debug, Clone)]
pub struct RateLimit {
    /// The limits; the first is the policy's own, the others those of single APIs and operations.
    pub rules: Vec<LimitRule>,
    /// The header that says when to retry.
    pub retry_after_header: HeaderName,
    /// The header that says how many calls remain.
    pub remaining_header: Option<HeaderName>,
    /// The header that says how many calls there are in all.
    pub total_header: Option<HeaderName>,
}

/// At most so many calls or kilobytes in a longer period, per subscription.
#[derive(Debug, Clone)]
pub struct Quota {
    /// The limits; the first is the policy's own, the others those of single APIs and operations.
    pub rules: Vec<LimitRule>,
}

/// One limit of a rate limit or quota.
#[derive(Debug, Clone)]
pub struct LimitRule {
    /// Names the counter: the same for the same rule of the same scope in every snapshot.
    pub id: Arc<str>,
    /// The requests it counts.
    pub applies: LimitScope,
    /// Calls allowed.
    pub calls: Option<u64>,
    /// Kilobytes allowed.
    pub kilobytes: Option<u64>,
    /// The period; none lasts for ever.
    pub period: Option<Duration>,
}

/// Which requests a limit counts. APIs and operations are named by id or display name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitScope {
    /// All.
    All,
    /// Those to one API.
    Api(Selector),
    /// Those to one operation of an API.
    Operation(Selector, Selector),
}

/// Names an API or an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// By resource name.
    Id(String),
    /// By display name.
    Name(String),
}

impl Selector {
    /// Whether this names the thing with that id and display name.
    pub fn selects(&self, id: &str, name: &str) -> bool {
        match self {
            Self::Id(wanted) => wanted.eq_ignore_ascii_case(id),
            Self::Name(wanted) => wanted == name,
        }
    }
}

/// Lets only some addresses in, or keeps some out.
#[derive(Debug, Clone)]
pub struct IpFilter {
    /// Whether the addresses are the allowed ones.
    pub allow: bool,
    /// Inclusive ranges.
    pub ranges: Vec<(IpAddr, IpAddr)>,
}

/// Requires a header.
#[derive(Debug, Clone)]
pub struct CheckHeader {
    /// The header.
    pub name: HeaderName,
    /// The status when it is missing or has another value.
    pub status: StatusCode,
    /// The message, when the policy words its own.
    pub message: Option<String>,
    /// Whether case matters.
    pub ignore_case: bool,
    /// The allowed values; empty allows any.
    pub values: Vec<String>,
}

/// How to forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// How long to wait for the response's head.
    pub timeout: Duration,
}

impl Default for Forward {
    fn default() -> Self {
        Self { timeout: Duration::from_mins(5) }
    }
}
