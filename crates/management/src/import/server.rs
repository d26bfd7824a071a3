//! Where the API's back end answers: `servers`, or `schemes`, `host` and `basePath`.

use serde_json::Value;
use url::Url;

use super::document::{Document, Language, as_object};
use super::location::At;
use super::{ImportError, ImportedApi, text_of};

pub(super) struct Servers {
    pub(super) urls: Vec<String>,
    pub(super) protocols: Vec<String>,
    pub(super) warnings: Vec<String>,
}

const PROTOCOLS: [&str; 4] = ["http", "https", "ws", "wss"];

pub(super) fn read(document: &Document) -> Result<Servers, ImportError> {
    let (urls, mut protocols) = match document.language {
        Language::OpenApi3 => (openapi(document)?, Vec::new()),
        Language::Swagger2 => swagger(document),
    };
    for url in &urls {
        if let Some((scheme, _)) = url.split_once("://") {
            push_protocol(&mut protocols, scheme);
        }
    }
    if protocols.is_empty() {
        protocols.push("https".to_owned());
    }
    let mut warnings = Vec::new();
    if !urls.iter().any(|url| url.contains("://")) {
        warnings.push("the description names no absolute server URL: set the API's serviceUrl".to_owned());
    }
    Ok(Servers { urls, protocols, warnings })
}

/// Makes relative service URLs absolute, for a description that was fetched from `link`.
pub fn resolve_against(api: &mut ImportedApi, link: &str) {
    let Ok(link) = Url::parse(link) else { return };
    for url in &mut api.service_urls {
        if !url.contains("://")
            && let Ok(joined) = link.join(url)
        {
            joined.as_str().trim_end_matches('/').clone_into(url);
        }
    }
}

fn push_protocol(protocols: &mut Vec<String>, scheme: &str) {
    let scheme = scheme.to_ascii_lowercase();
    if PROTOCOLS.contains(&scheme.as_str()) && !protocols.contains(&scheme) {
        protocols.push(scheme);
    }
}

fn openapi(document: &Document) -> Result<Vec<String>, ImportError> {
    let root = At::root();
    let at = root.key("servers");
    let Some(Value::Array(servers)) = document.root().get("servers") else { return Ok(Vec::new()) };
    let mut urls = Vec::new();
    for (index, server) in servers.iter().enumerate() {
        let server = as_object(server, at.index(index))?;
        let Some(url) = text_of(server, "url") else { continue };
        let mut url = url.to_owned();
        if let Some(Value::Object(variables)) = server.get("variables") {
            for (name, variable) in variables {
                let default = variable.get("default").and_then(Value::as_str).unwrap_or_default();
                url = url.replace(&format!("{{{name}}}"), default);
            }
        }
        urls.push(url.trim_end_matches('/').to_owned());
    }
    Ok(urls)
}

fn swagger(document: &Document) -> (Vec<String>, Vec<String>) {
    let root = document.root();
    let mut protocols = Vec::new();
    if let Some(Value::Array(schemes)) = root.get("schemes") {
        for scheme in schemes.iter().filter_map(Value::as_str) {
            push_protocol(&mut protocols, scheme);
        }
    }
    let base = text_of(root, "basePath").unwrap_or_default().trim_end_matches('/');
    let base = if base.is_empty() || base.starts_with('/') { base.to_owned() } else { format!("/{base}") };
    let urls = match text_of(root, "host") {
        Some(host) => {
            let schemes = if protocols.is_empty() { vec!["https".to_owned()] } else { protocols.clone() };
            schemes.iter().map(|scheme| format!("{scheme}://{host}{base}")).collect()
        }
        None if base.is_empty() => Vec::new(),
        None => vec![base],
    };
    (urls, protocols)
}
