//! Policies that decide whether and where a request goes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method, Uri};
use ipnet::IpNet;

use super::element::Element;
use super::messages::required_status;
use crate::cors::{Cors, Names, Origins};
use crate::document::{BackendReference, CheckHeader, Forward, IpFilter, RewriteUri, TemplatePart};
use crate::error::PolicyError;

pub(super) fn rewrite_uri(element: &Element<'_, '_>) -> Result<RewriteUri, PolicyError> {
    element.only(&["template", "copy-unmatched-params"])?;
    element.empty()?;
    let template = element.required("template")?;
    let template = template.trim();
    if template.contains("://") || template.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'#') {
        return Err(element.error("the template must be a path, with a query at most"));
    }
    let (path, query) = template.split_once('?').unwrap_or((template, ""));
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let parts =
        |text: &str| template_parts(text).ok_or_else(|| element.error("the template's braces do not match"));
    let copy_unmatched = element.flag("copy-unmatched-params", true)?;
    Ok(RewriteUri { path: parts(&path)?, query: parts(query)?, copy_unmatched })
}

fn template_parts(text: &str) -> Option<Vec<TemplatePart>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        let name = rest[open..].strip_prefix('{')?;
        let close = name.find(['{', '}']).filter(|at| name.as_bytes()[*at] == b'}')?;
        if open > 0 {
            parts.push(TemplatePart::Literal(rest[..open].to_owned()));
        }
        let parameter = name[..close].trim_start_matches('*');
        if parameter.is_empty() {
            return None;
        }
        parts.push(TemplatePart::Parameter(parameter.to_owned()));
        rest = &name[close + 1..];
    }
    if !rest.is_empty() {
        parts.push(TemplatePart::Literal(rest.to_owned()));
    }
    Some(parts)
}

pub(super) fn set_backend_service(element: &Element<'_, '_>) -> Result<BackendReference, PolicyError> {
    element.only(&["base-url", "backend-id"])?;
    element.empty()?;
    match (element.attribute("base-url")?, element.attribute("backend-id")?) {
        (Some(url), None) => {
            let parsed: Option<Uri> = url.trim().parse().ok();
            let usable = parsed.is_some_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https"))
                    && uri.host().is_some()
                    && uri.query().is_none()
            });
            if !usable {
                return Err(element.error("base-url must be an http or https URL without a query"));
            }
            Ok(BackendReference::Url(Arc::from(url.trim())))
        }
        (None, Some(id)) => Ok(BackendReference::Named(Arc::from(id.trim().to_ascii_lowercase()))),
        _ => Err(element.error("either base-url or backend-id is required, and not both")),
    }
}

pub(super) fn forward_request(element: &Element<'_, '_>) -> Result<Forward, PolicyError> {
    // These two say how the original buffers; here bodies stream whatever they say, with the same result.
    element.only(&[
        "timeout",
        "timeout-ms",
        "follow-redirects",
        "buffer-request-body",
        "buffer-response",
        "fail-on-error-status-code",
        "http-version",
    ])?;
    element.empty()?;
    element.flag("buffer-request-body", false)?;
    element.flag("buffer-response", true)?;
    for unsupported in ["follow-redirects", "fail-on-error-status-code"] {
        if element.flag(unsupported, false)? {
            return Err(element.error(&format!("{unsupported}='true' is not supported by the gateway yet")));
        }
    }
    if element.attribute("http-version")?.is_some_and(|version| version != "1" && version != "2or1") {
        return Err(element.error("only http-version 1 and 2or1 are supported by the gateway yet"));
    }
    let seconds: Option<u64> = element.parsed("timeout", "a number of seconds")?;
    let milliseconds: Option<u64> = element.parsed("timeout-ms", "a number of milliseconds")?;
    let timeout = match (seconds, milliseconds) {
        (None, None) => return Ok(Forward::default()),
        (_, Some(milliseconds)) => Duration::from_millis(milliseconds),
        (Some(seconds), None) => Duration::from_secs(seconds),
    };
    if timeout.is_zero() || timeout > Duration::from_hours(24) {
        return Err(element.error("the timeout must be more than nothing and at most a day"));
    }
    Ok(Forward { timeout })
}

pub(super) fn ip_filter(element: &Element<'_, '_>) -> Result<IpFilter, PolicyError> {
    element.only(&["action"])?;
    let allow = match element.required("action")?.as_str() {
        "allow" => true,
        "forbid" => false,
        _ => return Err(element.error("action must be allow or forbid")),
    };
    let mut ranges = Vec::new();
    for child in element.children()? {
        let invalid = || child.error("the text is not an IP address or network");
        match child.name() {
            "address" => {
                child.only(&[])?;
                let text = child.text()?;
                let text = text.trim();
                if let Ok(address) = text.parse::<IpAddr>() {
                    ranges.push((address.to_canonical(), address.to_canonical()));
                } else {
                    let network: IpNet = text.parse().map_err(|_| invalid())?;
                    ranges.push((network.network(), network.broadcast()));
                }
            }
            "address-range" => {
                child.only(&["from", "to"])?;
                child.empty()?;
                let end = |name| child.parsed::<IpAddr>(name, "an IP address")?.ok_or_else(invalid);
                let (from, to) = (end("from")?.to_canonical(), end("to")?.to_canonical());
                if from.is_ipv4() != to.is_ipv4() || from > to {
                    return Err(child.error("the range must run upwards in one address family"));
                }
                ranges.push((from, to));
            }
            _ => return Err(child.error("only <address> and <address-range> are allowed here")),
        }
    }
    if ranges.is_empty() {
        return Err(element.error("an <address> or <address-range> is required"));
    }
    Ok(IpFilter { allow, ranges })
}

pub(super) fn check_header(element: &Element<'_, '_>) -> Result<CheckHeader, PolicyError> {
    element.only(&["name", "failed-check-httpcode", "failed-check-error-message", "ignore-case"])?;
    let mut values = Vec::new();
    for child in element.children()? {
        if child.name() != "value" {
            return Err(child.error("only <value> is allowed here"));
        }
        child.only(&[])?;
        values.push(child.text()?.trim().to_owned());
    }
    let name =
        element.header_name("name")?.ok_or_else(|| element.error("the attribute 'name' is required"))?;
    Ok(CheckHeader {
        name,
        status: required_status(element, "failed-check-httpcode")?,
        message: element.attribute("failed-check-error-message")?,
        ignore_case: element.flag("ignore-case", false)?,
        values,
    })
}

pub(super) fn cors(element: &Element<'_, '_>) -> Result<Cors, PolicyError> {
    element.only(&["allow-credentials", "terminate-unmatched-request"])?;
    let mut origins = None;
    let mut methods = Names::Some(vec![Method::GET.to_string(), Method::POST.to_string()]);
    let mut headers = Names::Some(Vec::new());
    let mut exposed = Vec::new();
    let mut max_age = None;
    for child in element.children()? {
        match child.name() {
            "allowed-origins" => {
                child.only(&[])?;
                origins = Some(texts(&child, "origin")?);
            }
            "allowed-methods" => {
                child.only(&["preflight-result-max-age"])?;
                max_age = child.parsed::<u32>("preflight-result-max-age", "a number of seconds")?;
                let listed = texts(&child, "method")?;
                methods = Names::of(listed.into_iter().map(|name| name.to_ascii_uppercase()).collect());
            }
            "allowed-headers" => {
                child.only(&[])?;
                headers = Names::of(header_names(&child)?);
            }
            "expose-headers" => {
                child.only(&[])?;
                exposed = header_names(&child)?;
            }
            _ => return Err(child.error("this element is not allowed in <cors>")),
        }
    }
    let origins = origins.filter(|list| !list.is_empty());
    let origins = origins.ok_or_else(|| element.error("<allowed-origins> with an <origin> is required"))?;
    let origins = Origins::of(origins);
    let allow_credentials = element.flag("allow-credentials", false)?;
    if allow_credentials && matches!(origins, Origins::Any) {
        return Err(element.error("allow-credentials='true' needs named origins instead of '*'"));
    }
    Cors::new(
        origins,
        methods,
        headers,
        &exposed,
        max_age,
        allow_credentials,
        element.flag("terminate-unmatched-request", true)?,
    )
    .ok_or_else(|| element.error("a method or header cannot be written in a header"))
}

fn header_names(element: &Element<'_, '_>) -> Result<Vec<String>, PolicyError> {
    let names = texts(element, "header")?;
    match names.iter().find(|name| *name != "*" && name.parse::<HeaderName>().is_err()) {
        Some(_) => Err(element.error("a <header> is not a header name")),
        None => Ok(names),
    }
}

fn texts(element: &Element<'_, '_>, name: &str) -> Result<Vec<String>, PolicyError> {
    let mut texts = Vec::new();
    for child in element.children()? {
        if child.name() != name {
            return Err(child.error(&format!("only <{name}> is allowed here")));
        }
        child.only(&[])?;
        texts.push(child.text()?.trim().to_owned());
    }
    Ok(texts)
}
