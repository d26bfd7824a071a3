//! Paths and methods as operations.

use evergate_model::Properties;
use serde_json::{Value, json};

use super::document::{Document, Language, as_object, invalid};
use super::id::Ids;
use super::location::At;
use super::parameter::{self, Parameter, Place};
use super::payload;
use super::schema::Schemas;
use super::{ImportError, text_of};

/// The members of a path that are operations.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Warnings beyond this many say nothing new.
const MOST_WARNINGS: usize = 100;

pub(super) struct Found {
    pub(super) operations: Vec<(String, Properties)>,
    pub(super) schemas: Vec<(String, Properties)>,
    pub(super) warnings: Vec<String>,
}

pub(super) fn read_all(document: &Document) -> Result<Found, ImportError> {
    let root = At::root();
    let at = root.key("paths");
    let mut reader =
        Reader { document, schemas: Schemas::read(document), ids: Ids::default(), warnings: Vec::new() };
    let mut operations = Vec::new();
    let none = Properties::new();
    // 3.1 allows a description without paths.
    let paths = document.root().get("paths").map_or(Ok(&none), |paths| as_object(paths, at))?;
    for (path, item) in paths.iter().filter(|(path, _)| !path.starts_with("x-")) {
        let at = at.key(path);
        check_template(path, at)?;
        let item = as_object(document.resolve(item, at)?, at)?;
        for (method, operation) in item.iter().filter(|(key, _)| METHODS.contains(&key.as_str())) {
            let operation = as_object(operation, at.key(method))?;
            operations.push(reader.read(path, item, method, operation, at)?);
        }
    }
    Ok(Found { operations, schemas: reader.schemas.into_resources(), warnings: reader.warnings })
}

fn check_template(path: &str, at: At<'_>) -> Result<(), ImportError> {
    if !path.starts_with('/') {
        return Err(invalid(at, "a path begins with '/'"));
    }
    let mut open = false;
    for character in path.chars() {
        match (character, open) {
            ('{', false) => open = true,
            ('}', true) => open = false,
            ('{', true) | ('}', false) => {
                return Err(invalid(at, "the braces of the path's parameters do not match"));
            }
            _ => {}
        }
    }
    if open { Err(invalid(at, "the braces of the path's parameters do not match")) } else { Ok(()) }
}

fn template_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

struct Reader<'a> {
    document: &'a Document,
    schemas: Schemas,
    ids: Ids,
    warnings: Vec<String>,
}

impl Reader<'_> {
    fn read(
        &mut self,
        path: &str,
        item: &Properties,
        method: &str,
        operation: &Properties,
        path_at: At<'_>,
    ) -> Result<(String, Properties), ImportError> {
        let at = path_at.key(method);
        let operation_id = text_of(operation, "operationId");
        let id = self.ids.take(operation_id, method, path);
        let parameters = parameter::read_all(self.document, item, operation, (path_at, at))?;
        let upper = method.to_ascii_uppercase();
        let display_name = text_of(operation, "summary").or(operation_id).map(str::trim);
        let display_name = display_name.map_or_else(|| format!("{upper} {path}"), str::to_owned);

        let mut properties = Properties::new();
        let display_name: String = display_name.chars().take(300).collect();
        properties.insert("displayName".to_owned(), display_name.into());
        properties.insert("method".to_owned(), upper.into());
        properties.insert("urlTemplate".to_owned(), path.into());
        let template_parameters = self.template_parameters(path, &parameters, at);
        properties.insert("templateParameters".to_owned(), template_parameters.into());
        payload::describe(operation, &mut properties);
        let request = self.request(&id, operation, &parameters, at)?;
        properties.insert("request".to_owned(), Value::Object(request));
        let responses = self.responses(&id, operation, at)?;
        properties.insert("responses".to_owned(), responses.into());
        Ok((id, properties))
    }

    /// One parameter for each name of the template, declared or not.
    fn template_parameters(&mut self, path: &str, parameters: &[Parameter<'_>], at: At<'_>) -> Vec<Value> {
        let mut found: Vec<Value> = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for name in template_names(path) {
            if seen.contains(&name) {
                continue;
            }
            seen.push(name);
            let declared = parameters.iter().find(|p| p.place == Place::Path && p.name == name);
            found.push(match declared {
                Some(parameter) => Value::Object(parameter.contract.clone()),
                None => json!({"name": name, "type": "string", "required": true}),
            });
        }
        for parameter in parameters.iter().filter(|p| p.place == Place::Path && !seen.contains(&p.name)) {
            self.warn(|| format!("{at}: path parameter '{}' is not in the path: left out", parameter.name));
        }
        found
    }

    fn request(
        &mut self,
        id: &str,
        operation: &Properties,
        parameters: &[Parameter<'_>],
        at: At<'_>,
    ) -> Result<Properties, ImportError> {
        let in_place = |place| -> Vec<Value> {
            let chosen = parameters.iter().filter(|parameter| parameter.place == place);
            chosen.map(|parameter| Value::Object(parameter.contract.clone())).collect()
        };
        let owner = format!("{id}Request");
        let mut request = Properties::new();
        let representations = match self.document.language {
            Language::OpenApi3 => match operation.get("requestBody") {
                Some(body) => {
                    let at = at.key("requestBody");
                    let body = as_object(self.document.resolve(body, at)?, at)?;
                    payload::describe(body, &mut request);
                    payload::representations(
                        self.document,
                        &mut self.schemas,
                        body.get("content"),
                        &owner,
                        at,
                    )?
                }
                None => Vec::new(),
            },
            Language::Swagger2 => self.swagger_body(&owner, operation, parameters, at)?,
        };
        request.insert("queryParameters".to_owned(), in_place(Place::Query).into());
        request.insert("headers".to_owned(), in_place(Place::Header).into());
        request.insert("representations".to_owned(), representations.into());
        for cookie in parameters.iter().filter(|parameter| parameter.place == Place::Cookie) {
            self.warn(|| format!("{at}: cookie parameter '{}' cannot be described: left out", cookie.name));
        }
        Ok(request)
    }

    fn swagger_body(
        &mut self,
        owner: &str,
        operation: &Properties,
        parameters: &[Parameter<'_>],
        at: At<'_>,
    ) -> Result<Vec<Value>, ImportError> {
        let consumes = payload::content_types(self.document, operation, "consumes");
        if let Some(body) = parameters.iter().find(|parameter| parameter.place == Place::Body) {
            let schema = (body.object.get("schema"), None);
            return payload::swagger_representations(&mut self.schemas, schema, &consumes, owner, at);
        }
        let fields: Vec<Value> = parameters
            .iter()
            .filter(|parameter| parameter.place == Place::Form)
            .map(|parameter| Value::Object(parameter.contract.clone()))
            .collect();
        if fields.is_empty() {
            return Ok(Vec::new());
        }
        let default = "application/x-www-form-urlencoded";
        let content_type = consumes.first().map_or(default, String::as_str);
        Ok(vec![json!({"contentType": content_type, "formParameters": fields})])
    }

    fn responses(&mut self, id: &str, operation: &Properties, at: At<'_>) -> Result<Vec<Value>, ImportError> {
        let at = at.key("responses");
        let Some(responses) = operation.get("responses") else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for (status, response) in as_object(responses, at)? {
            if status.starts_with("x-") {
                continue;
            }
            let at = at.key(status);
            let code: Option<u16> = status.parse().ok();
            let Some(code) = code.filter(|code| (100..600).contains(code)) else {
                self.warn(|| format!("{at}: only numbered responses can be described: left out"));
                continue;
            };
            let response = as_object(self.document.resolve(response, at)?, at)?;
            let owner = format!("{id}{code}");
            let representations = match self.document.language {
                Language::OpenApi3 => payload::representations(
                    self.document,
                    &mut self.schemas,
                    response.get("content"),
                    &owner,
                    at,
                )?,
                Language::Swagger2 => {
                    let produces = payload::content_types(self.document, operation, "produces");
                    let body = (response.get("schema"), response.get("examples"));
                    payload::swagger_representations(&mut self.schemas, body, &produces, &owner, at)?
                }
            };
            let mut kept = Properties::new();
            kept.insert("statusCode".to_owned(), code.into());
            payload::describe(response, &mut kept);
            kept.insert("representations".to_owned(), representations.into());
            let headers = payload::headers(self.document, response.get("headers"), at)?;
            kept.insert("headers".to_owned(), headers.into());
            found.push(Value::Object(kept));
        }
        Ok(found)
    }

    fn warn(&mut self, warning: impl FnOnce() -> String) {
        if self.warnings.len() < MOST_WARNINGS {
            self.warnings.push(warning());
        }
    }
}
