//! Where requests go: origins, and the backends that share them.

pub(crate) mod connect;
pub(crate) mod pool;
pub(crate) mod send;
pub(crate) mod tls;

use std::collections::HashMap;
use std::sync::Arc;

use evergate_model::snapshot::Backend;
use http::{HeaderName, HeaderValue, Uri};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

/// A server that connections lead to. Equal origins are one, so that their connections are pooled
/// together and outlive the snapshot they were made for.
pub(crate) struct Origin {
    /// Names the pool.
    pub(crate) id: u64,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Option<(ServerName<'static>, Arc<ClientConfig>)>,
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}:{}", if self.tls.is_some() { "https" } else { "http" }, self.host, self.port)
    }
}

/// An origin, the path below it, and what every request to it carries.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) origin: Arc<Origin>,
    /// The `Host` of its requests.
    pub(crate) authority: HeaderValue,
    /// Without a slash at its end.
    pub(crate) base_path: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Pairs to add to the query, encoded.
    pub(crate) query: String,
}

/// The origins in use.
#[derive(Debug)]
pub(crate) struct Origins {
    tls: tls::Clients,
    known: HashMap<Key, Arc<Origin>>,
    next: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    host: String,
    port: u16,
    /// For https: whether the chain and the name are checked.
    tls: Option<(bool, bool)>,
}

impl Origins {
    pub(crate) fn new(tls: tls::Clients) -> Self {
        Self { tls, known: HashMap::new(), next: 0 }
    }

    /// The upstream at a URL, or why there is none.
    pub(crate) fn upstream(&mut self, url: &str) -> Result<Arc<Upstream>, String> {
        self.resolve(url, (true, true)).map(Arc::new)
    }

    /// The upstream of a backend resource, or why there is none.
    pub(crate) fn backend(&mut self, backend: &Backend) -> Result<Arc<Upstream>, String> {
        if !backend.kind.eq_ignore_ascii_case("single") {
            return Err(format!(
                "The backend '{}' is a {}, which the gateway does not support yet.",
                backend.id, backend.kind
            ));
        }
        let mut upstream = self.resolve(&backend.url, (backend.validate_chain, backend.validate_name))?;
        for credential in &backend.headers {
            let invalid =
                || format!("The backend '{}' has a credential that no header can carry.", backend.id);
            let name = HeaderName::try_from(credential.name.as_str()).map_err(|_| invalid())?;
            for value in &credential.values {
                let mut value = HeaderValue::from_str(value.expose()).map_err(|_| invalid())?;
                value.set_sensitive(true);
                upstream.headers.push((name.clone(), value));
            }
        }
        for credential in &backend.query {
            for value in &credential.values {
                evergate_policy::query::push(&mut upstream.query, &credential.name, value.expose());
            }
        }
        Ok(Arc::new(upstream))
    }

    fn resolve(&mut self, url: &str, checks: (bool, bool)) -> Result<Upstream, String> {
        let invalid = || "The backend's URL is not an http or https URL.".to_owned();
        let uri: Uri = url.parse().map_err(|_| invalid())?;
        let host = uri.host().ok_or_else(invalid)?.to_ascii_lowercase();
        let (default_port, secure) = match uri.scheme_str() {
            Some("http") => (80, false),
            Some("https") => (443, true),
            _ => return Err(invalid()),
        };
        let port = uri.port_u16().unwrap_or(default_port);
        let authority = if port == default_port { host.clone() } else { format!("{host}:{port}") };
        let key = Key { host, port, tls: secure.then_some(checks) };
        Ok(Upstream {
            origin: self.origin(key).ok_or_else(invalid)?,
            authority: HeaderValue::from_str(&authority).map_err(|_| invalid())?,
            base_path: uri.path().trim_end_matches('/').to_owned(),
            headers: Vec::new(),
            query: uri.query().unwrap_or_default().to_owned(),
        })
    }

    fn origin(&mut self, key: Key) -> Option<Arc<Origin>> {
        if let Some(known) = self.known.get(&key) {
            return Some(Arc::clone(known));
        }
        let host = key.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match key.tls {
            Some(checks) => {
                let name = ServerName::try_from(host.clone()).ok()?;
                Some((name, self.tls.checking(checks)))
            }
            None => None,
        };
        self.next += 1;
        let origin = Arc::new(Origin { id: self.next, host, port: key.port, tls });
        self.known.insert(key, Arc::clone(&origin));
        Some(origin)
    }

    /// Forgets origins that no table leads to any more.
    pub(crate) fn forget_unused(&mut self) {
        self.known.retain(|_, origin| Arc::strong_count(origin) > 1);
    }
}
