//! One element of a document with what its policy needs to read it strictly.
//!
//! Errors show the text as written, never what a named value put in its place.

use std::borrow::Cow;
use std::str::FromStr;

use http::{HeaderName, HeaderValue};
use roxmltree::Node;

use super::Compiler;
use crate::error::PolicyError;

#[derive(Clone, Copy)]
pub(super) struct Element<'a, 'i> {
    node: Node<'a, 'i>,
    pub(super) compiler: &'a Compiler<'a>,
}

pub(super) fn error_at(node: Node<'_, '_>, message: &str) -> PolicyError {
    let at = node.document().text_pos_at(node.range().start);
    PolicyError {
        line: at.row,
        column: at.col,
        element: node.tag_name().name().to_owned(),
        message: message.to_owned(),
    }
}

impl<'a, 'i> Element<'a, 'i> {
    pub(super) fn new(node: Node<'a, 'i>, compiler: &'a Compiler<'a>) -> Self {
        Self { node, compiler }
    }

    pub(super) fn name(&self) -> &'a str {
        self.node.tag_name().name()
    }

    pub(super) fn error(&self, message: &str) -> PolicyError {
        error_at(self.node, message)
    }

    /// Refuses every attribute but these: an ignored attribute would be a policy run in part.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), PolicyError> {
        match self.node.attributes().find(|attribute| !names.contains(&attribute.name())) {
            Some(odd) => Err(self.error(&format!("the attribute '{}' is not supported", odd.name()))),
            None => Ok(()),
        }
    }

    /// Refuses content.
    pub(super) fn empty(&self) -> Result<(), PolicyError> {
        match self.children()?.next() {
            Some(child) => Err(child.error("this element is not allowed here")),
            None => Ok(()),
        }
    }

    /// The child elements; text beside them is refused.
    pub(super) fn children(&self) -> Result<impl Iterator<Item = Self> + use<'a, 'i>, PolicyError> {
        let stray = |node: Node<'_, '_>| node.is_text() && !node.text().unwrap_or_default().trim().is_empty();
        if self.node.children().any(stray) {
            return Err(self.error("text is not allowed here"));
        }
        let compiler = self.compiler;
        Ok(self.node.children().filter(Node::is_element).map(move |node| Self { node, compiler }))
    }

    /// The whole text, named values put in.
    pub(super) fn text(&self) -> Result<String, PolicyError> {
        let mut text = String::new();
        for node in self.node.children() {
            if node.is_element() {
                return Err(Self::new(node, self.compiler).error("an element is not allowed here"));
            }
            if node.is_text() {
                text.push_str(node.text().unwrap_or_default());
            }
        }
        self.resolve(&text).map(Cow::into_owned)
    }

    /// An attribute, named values put in.
    pub(super) fn attribute(&self, name: &str) -> Result<Option<String>, PolicyError> {
        let Some(raw) = self.node.attribute(name) else { return Ok(None) };
        self.resolve(raw).map(|value| Some(value.into_owned()))
    }

    pub(super) fn required(&self, name: &str) -> Result<String, PolicyError> {
        self.attribute(name)?
            .filter(|value| !value.trim().is_empty())
            .ok_or_else(|| self.error(&format!("the attribute '{name}' is required")))
    }

    pub(super) fn parsed<T: FromStr>(&self, name: &str, what: &str) -> Result<Option<T>, PolicyError> {
        let Some(value) = self.attribute(name)? else { return Ok(None) };
        value.trim().parse().map(Some).map_err(|_| {
            let raw = self.node.attribute(name).unwrap_or_default();
            self.error(&format!("{name}='{raw}' is not {what}"))
        })
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, PolicyError> {
        let Some(value) = self.attribute(name)? else { return Ok(default) };
        match value.trim().to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.error(&format!("the attribute '{name}' must be true or false"))),
        }
    }

    pub(super) fn header_name(&self, attribute: &str) -> Result<Option<HeaderName>, PolicyError> {
        self.parsed(attribute, "a header name")
    }

    pub(super) fn header_value(&self) -> Result<HeaderValue, PolicyError> {
        HeaderValue::from_str(self.text()?.trim())
            .map_err(|_| self.error("the value holds characters that a header cannot carry"))
    }

    /// Puts named values in and refuses what would need evaluation at run time.
    fn resolve<'t>(&self, raw: &'t str) -> Result<Cow<'t, str>, PolicyError> {
        let value = self.substitute(raw)?;
        let start = value.trim_start();
        if start.starts_with("@(") || start.starts_with("@{") {
            return Err(self.error("policy expressions are not supported by the gateway yet"));
        }
        Ok(value)
    }

    fn substitute<'t>(&self, raw: &'t str) -> Result<Cow<'t, str>, PolicyError> {
        if !raw.contains("{{") {
            return Ok(Cow::Borrowed(raw));
        }
        let mut out = String::new();
        let mut rest = raw;
        while let Some(start) = rest.find("{{") {
            let after = &rest[start + 2..];
            let name = after.split("}}").next().unwrap_or_default();
            let named = name.len() < after.len()
                && !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
            if named {
                out.push_str(&rest[..start]);
                let value = (self.compiler.named_value)(name).ok_or_else(|| {
                    self.error(&format!("the named value '{name}' does not exist or has no value here"))
                })?;
                out.push_str(&value);
                rest = &after[name.len() + 2..];
            } else {
                out.push_str(&rest[..=start]);
                rest = &rest[start + 1..];
            }
        }
        out.push_str(rest);
        Ok(Cow::Owned(out))
    }
}
