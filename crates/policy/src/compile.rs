//! From policy XML to typed statements.

mod element;
mod limits;
mod messages;
mod routing;

use std::cell::Cell;

use roxmltree::{ParsingOptions, TextPos};

use crate::document::{Document, Section, Statement};
use crate::error::PolicyError;
use element::Element;

/// More elements than any real policy document has.
const MAX_NODES: u32 = 100_000;

/// What a document is compiled with.
pub struct Compiler<'a> {
    /// Names the scope in counters: unique in the service, and stable.
    pub scope: &'a str,
    /// The value of a named value, by display name.
    pub named_value: &'a dyn Fn(&str) -> Option<String>,
    counters: Cell<usize>,
}

impl std::fmt::Debug for Compiler<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiler").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl<'a> Compiler<'a> {
    /// A compiler for the document of one scope.
    pub fn new(scope: &'a str, named_value: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { scope, named_value, counters: Cell::new(0) }
    }

    /// The id of the document's next counter.
    fn next_counter(&self) -> String {
        let index = self.counters.get();
        self.counters.set(index + 1);
        format!("{}#{index}", self.scope)
    }
}

/// Whether a text is a policy document or fragment: well-formed, with known sections at most once.
/// Policies that the gateway does not support yet pass; they are stored.
pub fn check(xml: &str) -> Result<(), PolicyError> {
    let parsed = parse(xml)?;
    let root = parsed.root_element();
    if root.tag_name().name() == "fragment" {
        return Ok(());
    }
    sections(&parsed).map(|_| ())
}

/// Compiles a document, or says what in it the gateway cannot do.
pub fn compile(xml: &str, compiler: &Compiler<'_>) -> Result<Document, PolicyError> {
    let parsed = parse(xml)?;
    let mut document = Document::default();
    for (section, node) in sections(&parsed)? {
        let element = Element::new(node, compiler);
        element.only(&[])?;
        let statements =
            element.children()?.map(|child| statement(&child, section)).collect::<Result<Vec<_>, _>>()?;
        *document.section_mut(section) = Some(statements);
    }
    Ok(document)
}

fn parse(xml: &str) -> Result<roxmltree::Document<'_>, PolicyError> {
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    roxmltree::Document::parse_with_options(xml, options).map_err(|error| {
        let TextPos { row, col } = error.pos();
        PolicyError { line: row, column: col, element: "policies".to_owned(), message: error.to_string() }
    })
}

type Sections<'a, 'i> = Vec<(Section, roxmltree::Node<'a, 'i>)>;

fn sections<'a, 'i>(parsed: &'a roxmltree::Document<'i>) -> Result<Sections<'a, 'i>, PolicyError> {
    let root = parsed.root_element();
    if root.tag_name().name() != "policies" {
        return Err(element::error_at(root, "the root element must be <policies>"));
    }
    let mut found = Sections::new();
    for node in root.children() {
        if node.is_text() && !node.text().unwrap_or_default().trim().is_empty() {
            return Err(element::error_at(root, "text is not allowed here"));
        }
        if !node.is_element() {
            continue;
        }
        let name = node.tag_name().name();
        let Some(section) = Section::ALL.into_iter().find(|section| section.as_str() == name) else {
            let message = "only <inbound>, <backend>, <outbound> and <on-error> are allowed in <policies>";
            return Err(element::error_at(node, message));
        };
        if found.iter().any(|(seen, _)| *seen == section) {
            return Err(element::error_at(node, "the section may appear only once"));
        }
        found.push((section, node));
    }
    Ok(found)
}

fn statement(element: &Element<'_, '_>, section: Section) -> Result<Statement, PolicyError> {
    use Section::{Backend, Inbound, OnError, Outbound};
    let allowed: &[Section] = match element.name() {
        "base" | "set-header" | "set-body" | "return-response" => &Section::ALL,
        "set-query-parameter" | "set-backend-service" | "set-method" => &[Inbound, Backend],
        "rewrite-uri" | "rate-limit" | "quota" | "cors" | "ip-filter" | "check-header" => &[Inbound],
        "mock-response" => &[Inbound, Outbound, OnError],
        "set-status" => &[Outbound, OnError],
        "forward-request" => &[Backend],
        _ => return Err(element.error("this policy is not supported by the gateway")),
    };
    if !allowed.contains(&section) {
        return Err(element.error(&format!("this policy is not allowed in <{}>", section.as_str())));
    }
    match element.name() {
        "base" => {
            element.only(&[])?;
            element.empty()?;
            Ok(Statement::Base)
        }
        "set-header" => messages::set_header(element).map(Statement::SetHeader),
        "set-body" => messages::set_body(element).map(Statement::SetBody),
        "set-status" => messages::set_status(element).map(Statement::SetStatus),
        "set-method" => messages::set_method(element).map(Statement::SetMethod),
        "return-response" => messages::return_response(element).map(Statement::ReturnResponse),
        "mock-response" => messages::mock_response(element).map(Statement::MockResponse),
        "set-query-parameter" => messages::set_query_parameter(element).map(Statement::SetQueryParameter),
        "rewrite-uri" => routing::rewrite_uri(element).map(Statement::RewriteUri),
        "set-backend-service" => routing::set_backend_service(element).map(Statement::SetBackend),
        "forward-request" => routing::forward_request(element).map(Statement::Forward),
        "cors" => routing::cors(element).map(Statement::Cors),
        "ip-filter" => routing::ip_filter(element).map(Statement::IpFilter),
        "check-header" => routing::check_header(element).map(Statement::CheckHeader),
        "rate-limit" => limits::rate_limit(element).map(Statement::RateLimit),
        _ => limits::quota(element).map(Statement::Quota),
    }
}

#[cfg(test)]
mod tests;
