//! Policies that change or make messages.

use bytes::Bytes;
use http::{Method, StatusCode};

use super::element::Element;
use crate::document::{ExistsAction, MockResponse, ReturnResponse, SetHeader, SetQueryParameter};
use crate::error::PolicyError;

fn exists_action(element: &Element<'_, '_>) -> Result<ExistsAction, PolicyError> {
    match element.attribute("exists-action")?.as_deref().map(str::trim) {
        None | Some("override") => Ok(ExistsAction::Override),
        Some("skip") => Ok(ExistsAction::Skip),
        Some("append") => Ok(ExistsAction::Append),
        Some("delete") => Ok(ExistsAction::Delete),
        Some(_) => Err(element.error("exists-action must be override, skip, append or delete")),
    }
}

fn values<'a, 'i, T>(
    element: &Element<'a, 'i>,
    action: ExistsAction,
    read: impl Fn(&Element<'a, 'i>) -> Result<T, PolicyError>,
) -> Result<Vec<T>, PolicyError> {
    let mut values = Vec::new();
    for child in element.children()? {
        if child.name() != "value" {
            return Err(child.error("only <value> is allowed here"));
        }
        child.only(&[])?;
        values.push(read(&child)?);
    }
    if values.is_empty() && action != ExistsAction::Delete {
        return Err(element.error("a <value> is required unless exists-action is delete"));
    }
    Ok(values)
}

pub(super) fn set_header(element: &Element<'_, '_>) -> Result<SetHeader, PolicyError> {
    element.only(&["name", "exists-action"])?;
    let action = exists_action(element)?;
    let name =
        element.header_name("name")?.ok_or_else(|| element.error("the attribute 'name' is required"))?;
    if ["connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"].contains(&name.as_str())
    {
        return Err(element.error("the gateway itself frames messages: this header cannot be set"));
    }
    Ok(SetHeader { name, action, values: values(element, action, Element::header_value)? })
}

pub(super) fn set_query_parameter(element: &Element<'_, '_>) -> Result<SetQueryParameter, PolicyError> {
    element.only(&["name", "exists-action"])?;
    let action = exists_action(element)?;
    let value = |child: &Element<'_, '_>| child.text().map(|text| text.trim().to_owned());
    Ok(SetQueryParameter { name: element.required("name")?, action, values: values(element, action, value)? })
}

pub(super) fn set_body(element: &Element<'_, '_>) -> Result<Bytes, PolicyError> {
    if element.attribute("template")?.is_some_and(|template| template != "none") {
        return Err(element.error("body templates are not supported by the gateway yet"));
    }
    element.only(&["template"])?;
    element.text().map(Bytes::from)
}

fn status(element: &Element<'_, '_>, attribute: &str) -> Result<Option<StatusCode>, PolicyError> {
    let status: Option<StatusCode> = element.parsed(attribute, "a status code from 200 to 599")?;
    match status {
        Some(status) if !(200..600).contains(&status.as_u16()) => {
            Err(element.error(&format!("the attribute '{attribute}' must be a status code from 200 to 599")))
        }
        status => Ok(status),
    }
}

pub(super) fn required_status(element: &Element<'_, '_>, attribute: &str) -> Result<StatusCode, PolicyError> {
    status(element, attribute)?
        .ok_or_else(|| element.error(&format!("the attribute '{attribute}' is required")))
}

pub(super) fn set_status(element: &Element<'_, '_>) -> Result<StatusCode, PolicyError> {
    element.only(&["code", "reason"])?;
    element.empty()?;
    required_status(element, "code")
}

pub(super) fn set_method(element: &Element<'_, '_>) -> Result<Method, PolicyError> {
    element.only(&[])?;
    let method = Method::from_bytes(element.text()?.trim().as_bytes());
    match method {
        Ok(method) if method != Method::CONNECT => Ok(method),
        _ => Err(element.error("the text is not a method that can be forwarded")),
    }
}

pub(super) fn return_response(element: &Element<'_, '_>) -> Result<ReturnResponse, PolicyError> {
    element.only(&[])?;
    let mut response = ReturnResponse { status: StatusCode::OK, headers: Vec::new(), body: Bytes::new() };
    for child in element.children()? {
        match child.name() {
            "set-status" => response.status = set_status(&child)?,
            "set-header" => response.headers.push(set_header(&child)?),
            "set-body" => response.body = set_body(&child)?,
            _ => return Err(child.error("only set-status, set-header and set-body are allowed here")),
        }
    }
    Ok(response)
}

pub(super) fn mock_response(element: &Element<'_, '_>) -> Result<MockResponse, PolicyError> {
    element.only(&["status-code", "content-type", "index"])?;
    element.empty()?;
    Ok(MockResponse {
        status: status(element, "status-code")?.unwrap_or(StatusCode::OK),
        content_type: element.attribute("content-type")?,
        index: element.parsed("index", "a number")?,
    })
}
