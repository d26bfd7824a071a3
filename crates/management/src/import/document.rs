//! The text as a tree, and the following of references inside it.

use evergate_model::Properties;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::location::At;
use super::{ImportError, LARGEST_DESCRIPTION};

/// The generation of the description's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// Swagger 2.0.
    Swagger2,
    /// `OpenAPI` 3.0 or 3.1.
    OpenApi3,
}

/// A whole description.
pub(super) struct Document {
    root: Properties,
    pub(super) language: Language,
}

/// Longer chains of references are circles.
const MOST_HOPS: usize = 32;

impl Document {
    pub(super) fn read(text: &[u8]) -> Result<Self, ImportError> {
        if text.len() > LARGEST_DESCRIPTION {
            return Err(ImportError::TooLarge { bytes: text.len() });
        }
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let json = text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        let tree = if json { read_json(text)? } else { read_yaml(text)? };
        let language = language(&tree)?;
        let Value::Object(root) = tree else {
            return Err(invalid(At::root(), "the description must be an object"));
        };
        Ok(Self { root, language })
    }

    pub(super) fn root(&self) -> &Properties {
        &self.root
    }

    /// Follows `$ref` until something else stands there.
    pub(super) fn resolve<'a>(&'a self, value: &'a Value, at: At<'_>) -> Result<&'a Value, ImportError> {
        let mut value = value;
        for _ in 0..MOST_HOPS {
            let Some(reference) = reference(value) else { return Ok(value) };
            value = self.target(reference, at)?;
        }
        let reference = reference(value).unwrap_or_default();
        Err(broken(at, reference, "goes in a circle; let it end at a definition"))
    }

    fn target(&self, reference: &str, at: At<'_>) -> Result<&Value, ImportError> {
        let Some(pointer) = reference.strip_prefix('#') else {
            return Err(broken(at, reference, "leaves the document; bundle the description into one file"));
        };
        let pointer = percent_decode_str(pointer).decode_utf8_lossy();
        let pointer = pointer.strip_prefix('/').unwrap_or_default();
        let (first, rest) = pointer.split_at(pointer.find('/').unwrap_or(pointer.len()));
        let first = first.replace("~1", "/").replace("~0", "~");
        let target = self.root.get(&first).and_then(|value| value.pointer(rest));
        target.ok_or_else(|| broken(at, reference, "names nothing in the document; define it or correct it"))
    }
}

/// A member that must be an object.
pub(super) fn member<'a>(
    parent: &'a Properties,
    key: &str,
    at: At<'_>,
) -> Result<&'a Properties, ImportError> {
    let value = parent.get(key).ok_or_else(|| invalid(at, format!("'{key}' is missing; add it")))?;
    as_object(value, at.key(key))
}

/// The text of a value's `$ref`.
pub(super) fn reference(value: &Value) -> Option<&str> {
    value.as_object()?.get("$ref")?.as_str()
}

pub(super) fn as_object<'a>(value: &'a Value, at: At<'_>) -> Result<&'a Properties, ImportError> {
    value.as_object().ok_or_else(|| invalid(at, format!("an object is expected, found {}", kind_of(value))))
}

pub(super) fn invalid(at: At<'_>, problem: impl Into<String>) -> ImportError {
    ImportError::Invalid { at: at.to_string(), problem: problem.into() }
}

pub(super) fn broken(at: At<'_>, reference: &str, problem: &'static str) -> ImportError {
    ImportError::Reference { at: at.to_string(), reference: reference.to_owned(), problem }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn read_json(text: &[u8]) -> Result<Value, ImportError> {
    serde_json::from_slice(text)
        .map_err(|error| ImportError::Syntax { language: "JSON", message: error.to_string() })
}

fn read_yaml(text: &[u8]) -> Result<Value, ImportError> {
    let syntax = |message: String| ImportError::Syntax { language: "YAML", message };
    let text = std::str::from_utf8(text).map_err(|error| syntax(error.to_string()))?;
    // Anchors let a small text stand for a huge tree: what aliases may add is bounded.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 128,
            max_documents: 1,
            max_events: 4_000_000,
            max_nodes: 4_000_000,
            max_aliases: 20_000,
            max_anchors: 20_000,
            max_total_scalar_bytes: LARGEST_DESCRIPTION,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 200_000,
            max_replay_stack_depth: 32,
        },
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| syntax(error.to_string()))
}

fn language(tree: &Value) -> Result<Language, ImportError> {
    let version = |key: &str| match tree.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match (version("openapi"), version("swagger")) {
        (Some(text), _) if text.starts_with("3.0") || text.starts_with("3.1") => Ok(Language::OpenApi3),
        (None, Some(text)) if text == "2" || text == "2.0" => Ok(Language::Swagger2),
        (Some(text), _) => Err(ImportError::Version { found: format!("'openapi: {text}'") }),
        (None, Some(text)) => Err(ImportError::Version { found: format!("'swagger: {text}'") }),
        (None, None) => Err(ImportError::Version { found: "neither 'openapi' nor 'swagger'".to_owned() }),
    }
}
