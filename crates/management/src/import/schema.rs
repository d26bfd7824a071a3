//! The schema resource: the document's definitions, and the schemas that stood inline, by name.

use evergate_model::Properties;
use serde_json::{Value, json};

use super::ImportError;
use super::document::{Document, Language, broken, reference};
use super::location::At;

/// The definitions that representations name.
pub(super) struct Schemas {
    language: Language,
    definitions: Properties,
}

impl Schemas {
    pub(super) fn read(document: &Document) -> Self {
        let path = match document.language {
            Language::OpenApi3 => "components",
            Language::Swagger2 => "definitions",
        };
        let found = document.root().get(path);
        let found = match document.language {
            Language::OpenApi3 => found.and_then(|components| components.get("schemas")),
            Language::Swagger2 => found,
        };
        let definitions = found.and_then(Value::as_object).cloned().unwrap_or_default();
        Self { language: document.language, definitions }
    }

    /// The resource's name.
    pub(super) fn id(&self) -> &'static str {
        match self.language {
            Language::OpenApi3 => "components",
            Language::Swagger2 => "definitions",
        }
    }

    /// The type name of a schema: that of the definition it refers to, else a new definition's.
    pub(super) fn type_name(
        &mut self,
        schema: &Value,
        suggestion: impl FnOnce() -> String,
        at: At<'_>,
    ) -> Result<Option<String>, ImportError> {
        if schema.as_object().is_none_or(Properties::is_empty) {
            return Ok(None);
        }
        let prefix = match self.language {
            Language::OpenApi3 => "#/components/schemas/",
            Language::Swagger2 => "#/definitions/",
        };
        if let Some(reference) = reference(schema)
            && let Some(name) = reference.strip_prefix(prefix)
            && !name.contains('/')
        {
            let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
            let name = name.replace("~1", "/").replace("~0", "~");
            if !self.definitions.contains_key(&name) {
                let problem = "names nothing in the document; define it or correct it";
                return Err(broken(at, reference, problem));
            }
            return Ok(Some(name));
        }
        Ok(Some(self.add(&suggestion(), schema)))
    }

    fn add(&mut self, suggestion: &str, schema: &Value) -> String {
        let mut name = suggestion.to_owned();
        let mut number = 0_u32;
        while self.definitions.contains_key(&name) {
            number += 1;
            name = format!("{suggestion}-{number}");
        }
        self.definitions.insert(name.clone(), schema.clone());
        name
    }

    /// The resources to store: none when the document defines no schema.
    pub(super) fn into_resources(self) -> Vec<(String, Properties)> {
        if self.definitions.is_empty() {
            return Vec::new();
        }
        let id = self.id().to_owned();
        let (content_type, document) = match self.language {
            Language::OpenApi3 => (
                "application/vnd.oai.openapi.components+json",
                json!({"components": {"schemas": self.definitions}}),
            ),
            Language::Swagger2 => (
                "application/vnd.ms-azure-apim.swagger.definitions+json",
                json!({"definitions": self.definitions}),
            ),
        };
        let mut properties = Properties::new();
        properties.insert("contentType".to_owned(), content_type.into());
        properties.insert("document".to_owned(), document);
        vec![(id, properties)]
    }
}
