//! Cross-origin requests: which are let in, and what browsers are told (the Fetch standard's CORS
//! protocol).

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::document::{Document, Section, Statement};
use crate::evaluate::Answer;

/// The `cors` policy.
#[derive(Debug, Clone)]
pub struct Cors {
    origins: Origins,
    methods: Names,
    headers: Names,
    allow_methods: HeaderValue,
    expose_headers: Option<HeaderValue>,
    max_age: Option<u32>,
    allow_credentials: bool,
    /// Whether a cross-origin request that is not let in ends here.
    pub terminate_unmatched: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Origins {
    Any,
    Some(Vec<String>),
}

impl Origins {
    pub(crate) fn of(origins: Vec<String>) -> Self {
        if origins.iter().any(|origin| origin == "*") { Self::Any } else { Self::Some(origins) }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Names {
    Any,
    Some(Vec<String>),
}

impl Names {
    pub(crate) fn of(names: Vec<String>) -> Self {
        if names.iter().any(|name| name == "*") { Self::Any } else { Self::Some(names) }
    }

    fn allow(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Some(names) => names.iter().any(|known| known.eq_ignore_ascii_case(name)),
        }
    }
}

/// Whether a request asks, before the real one, if that would be let in.
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Answers a preflight from the `cors` policies that apply, innermost scope first in `chain`; none
/// when there is no such policy.
pub fn preflight<D: AsRef<Document>>(chain: &[&D], headers: &HeaderMap) -> Option<Answer> {
    let mut found = false;
    let mut answer = None;
    visit(chain, &mut |cors| {
        found = true;
        answer = cors.preflight(headers);
        answer.is_some() || cors.terminate_unmatched
    });
    found.then(|| answer.unwrap_or_else(Answer::empty))
}

/// Visits the `cors` policies in the order they would run, until one says it is the last.
fn visit<D: AsRef<Document>>(chain: &[&D], last: &mut dyn FnMut(&Cors) -> bool) -> bool {
    let Some((document, outer)) = chain.split_first() else { return false };
    let Some(statements) = document.as_ref().section(Section::Inbound) else { return visit(outer, last) };
    statements.iter().any(|statement| match statement {
        Statement::Base => visit(outer, last),
        Statement::Cors(cors) => last(cors),
        _ => false,
    })
}

impl Cors {
    pub(crate) fn new(
        origins: Origins,
        methods: Names,
        headers: Names,
        exposed: &[String],
        max_age: Option<u32>,
        allow_credentials: bool,
        terminate_unmatched: bool,
    ) -> Option<Self> {
        let allow_methods = match &methods {
            Names::Any => HeaderValue::from_static("*"),
            Names::Some(names) => HeaderValue::from_str(&names.join(", ")).ok()?,
        };
        let expose_headers = match exposed {
            [] => None,
            names => Some(HeaderValue::from_str(&names.join(", ")).ok()?),
        };
        Some(Self {
            origins,
            methods,
            headers,
            allow_methods,
            expose_headers,
            max_age,
            allow_credentials,
            terminate_unmatched,
        })
    }

    /// Whether this policy lets requests of that origin in.
    pub fn allows_origin(&self, origin: &HeaderValue) -> bool {
        match &self.origins {
            Origins::Any => true,
            Origins::Some(origins) => origin.to_str().is_ok_and(|origin| {
                origins.iter().any(|known| known.trim_end_matches('/').eq_ignore_ascii_case(origin))
            }),
        }
    }

    fn preflight(&self, headers: &HeaderMap) -> Option<Answer> {
        let origin = headers.get(ORIGIN).filter(|origin| self.allows_origin(origin))?;
        let method = headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
        if !method.to_str().is_ok_and(|method| self.methods.allow(method)) {
            return None;
        }
        let wanted = headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
        if let Some(wanted) = wanted {
            let mut names = wanted.to_str().ok()?.split(',').map(str::trim).filter(|name| !name.is_empty());
            if !names.all(|name| self.headers.allow(name)) {
                return None;
            }
        }
        let mut answer = Answer::empty();
        answer.headers.extend(self.allow(origin));
        let allow_methods = match &self.methods {
            Names::Any => method.clone(),
            Names::Some(_) => self.allow_methods.clone(),
        };
        answer.headers.insert(ACCESS_CONTROL_ALLOW_METHODS, allow_methods);
        if let Some(wanted) = wanted {
            answer.headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        if let Some(seconds) = self.max_age {
            answer.headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(seconds));
        }
        answer.status = StatusCode::OK;
        Some(answer)
    }

    fn allow(&self, origin: &HeaderValue) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::with_capacity(4);
        if matches!(self.origins, Origins::Any) {
            headers.push((ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")));
        } else {
            headers.push((ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone()));
            headers.push((VARY, HeaderValue::from_static("Origin")));
        }
        if self.allow_credentials {
            headers.push((ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")));
        }
        headers
    }

    /// What tells a browser that a response may be read by the page that asked.
    pub fn response_headers(&self, origin: &HeaderValue) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = self.allow(origin);
        if let Some(exposed) = &self.expose_headers {
            headers.push((ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone()));
        }
        headers
    }
}
