//! Reads API descriptions (`OpenAPI` 3.0 and 3.1, Swagger 2; JSON or YAML) into canonical resources.
//!
//! [`parse`] never fetches anything and never panics: a description that it refuses is refused with
//! the place in the document and what to do about it.

mod document;
mod id;
mod location;
mod operation;
mod parameter;
mod payload;
mod schema;
mod server;
#[cfg(test)]
mod tests;

use evergate_model::Properties;
use serde_json::Value;

use document::Document;
use location::At;
pub use server::resolve_against;

/// The largest description that is read.
pub const LARGEST_DESCRIPTION: usize = 64 * 1024 * 1024;

/// The formats of the resource-manager API that [`parse`] reads; the caller fetches what a `-link` names.
pub const FORMATS: [&str; 6] =
    ["openapi", "openapi+json", "openapi-link", "openapi+json-link", "swagger-json", "swagger-link-json"];

/// An API description as resources, ready to be committed below an API.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedApi {
    /// `info.title`.
    pub display_name: String,
    /// `info.description`.
    pub description: Option<String>,
    /// Further canonical properties of the API: `termsOfServiceUrl`, `contact`, `license`.
    pub details: Properties,
    /// Absolute URLs of the servers, in the document's order, without a trailing slash. A relative one is
    /// kept as a path; [`resolve_against`] makes it absolute when the document came from a link.
    pub service_urls: Vec<String>,
    /// The schemes of those URLs; `https` when the document names none.
    pub protocols: Vec<String>,
    /// Names and canonical properties of the operations, in the document's order. Names are unique
    /// without regard to case.
    pub operations: Vec<(String, Properties)>,
    /// Names and canonical properties of the schema resources that operations refer to.
    pub schemas: Vec<(String, Properties)>,
    /// What the resource model cannot hold and was left out, in words.
    pub warnings: Vec<String>,
}

/// Why a description was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The format is not one that can be imported.
    #[error("format '{found}' cannot be imported; use one of {}", FORMATS.join(", "))]
    Format {
        /// The format that was asked for.
        found: String,
    },
    /// The text is larger than [`LARGEST_DESCRIPTION`].
    #[error("the description has {bytes} bytes, and the most is {LARGEST_DESCRIPTION}; split the API")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The text is not JSON or YAML.
    #[error(
        "the description is not well-formed {language}: {message}; correct the document and import it again"
    )]
    Syntax {
        /// `JSON` or `YAML`.
        language: &'static str,
        /// What is wrong, with line and column.
        message: String,
    },
    /// The document is JSON or YAML, but of no version that is known.
    #[error(
        "the description says {found}; it must say 'openapi: 3.0.x', 'openapi: 3.1.x' or 'swagger: \"2.0\"'"
    )]
    Version {
        /// What it says.
        found: String,
    },
    /// Something is missing or of the wrong shape.
    #[error("{at}: {problem}")]
    Invalid {
        /// A JSON pointer into the document.
        at: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A `$ref` leads nowhere.
    #[error("{at}: the reference '{reference}' {problem}")]
    Reference {
        /// A JSON pointer to the reference.
        at: String,
        /// The reference itself.
        reference: String,
        /// Why it cannot be followed, and what to do.
        problem: &'static str,
    },
}

/// Reads a description that was given in `format`.
pub fn parse(format: &str, text: &[u8]) -> Result<ImportedApi, ImportError> {
    if !FORMATS.iter().any(|known| known.eq_ignore_ascii_case(format)) {
        return Err(ImportError::Format { found: format.to_owned() });
    }
    let document = Document::read(text)?;
    let at = At::root();
    let info = document::member(document.root(), "info", at)?;
    let display_name = text_of(info, "title").unwrap_or("API").trim();
    let servers = server::read(&document)?;
    let operations = operation::read_all(&document)?;
    let mut warnings = servers.warnings;
    warnings.extend(operations.warnings);
    Ok(ImportedApi {
        display_name: display_name.chars().take(300).collect(),
        description: text_of(info, "description").map(str::to_owned),
        details: details(info),
        service_urls: servers.urls,
        protocols: servers.protocols,
        operations: operations.operations,
        schemas: operations.schemas,
        warnings,
    })
}

fn details(info: &Properties) -> Properties {
    let mut details = Properties::new();
    if let Some(terms) = text_of(info, "termsOfService") {
        details.insert("termsOfServiceUrl".to_owned(), terms.into());
    }
    for (section, fields) in [("contact", &["name", "url", "email"][..]), ("license", &["name", "url"][..])] {
        let Some(Value::Object(given)) = info.get(section) else { continue };
        let kept: Properties = fields
            .iter()
            .filter_map(|field| Some(((*field).to_owned(), text_of(given, field)?.into())))
            .collect();
        if !kept.is_empty() {
            details.insert(section.to_owned(), Value::Object(kept));
        }
    }
    details
}

fn text_of<'a>(object: &'a Properties, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str().filter(|text| !text.is_empty())
}
