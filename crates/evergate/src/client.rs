//! The command line's client of a management endpoint: signed in, with readable errors.
//!
//! It works with any endpoint that speaks the resource-manager API, the public cloud's own included: what
//! differs between clouds is read from `/metadata/endpoints`.

pub(crate) mod browser;
pub(crate) mod cloud;
pub(crate) mod device;
pub(crate) mod error;
mod http;
pub(crate) mod oauth;
mod poll;
pub(crate) mod session;

use evergate_model::Secret;
use reqwest::Method;
use serde_json::Value;
use url::Url;

use crate::globals::Globals;
use error::{ClientError, NotSignedIn, Unreachable};
use oauth::{Application, Grant};
use session::{Session, Sessions};

pub(crate) use http::build as build_http;
pub(crate) use poll::Waited;

/// A signed-in client.
pub(crate) struct Client {
    http: reqwest::Client,
    endpoint: String,
    subscription: Option<String>,
    session: Session,
    /// Where renewed tokens are kept; none when the credentials are the environment's.
    sessions: Option<Sessions>,
}

/// What the endpoint answered to a request that it accepted.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Where to ask how a long-running operation goes.
    pub(crate) location: Option<String>,
    /// How many seconds to wait before asking.
    pub(crate) retry_after: Option<u64>,
    /// The body; null when there is none.
    pub(crate) body: Value,
}

impl Client {
    /// A client for the endpoint that was named, or that the last sign-in was to. Credentials in the
    /// environment take precedence over a sign-in.
    pub(crate) async fn connect(globals: &Globals) -> anyhow::Result<Self> {
        let sessions = Sessions::open()?;
        let endpoint = globals.endpoint.as_deref().map(|text| text.trim_end_matches('/').to_owned());
        let known = match &endpoint {
            Some(endpoint) => sessions.of(endpoint),
            None => sessions.current(),
        };
        let ca_file = globals.ca_file.clone().or_else(|| known.as_ref()?.ca_file.clone());
        let http = build_http(ca_file.as_deref())?;
        let endpoint = endpoint.or_else(|| Some(known.as_ref()?.endpoint.clone())).ok_or_else(|| {
            NotSignedIn("no endpoint is known; run 'evergate login --endpoint URL' first".to_owned())
        })?;
        let environment = session::from_environment(&http, &endpoint, known.is_some()).await?;
        let (session, sessions) = match (environment, known) {
            (Some(session), _) => (session, None),
            (None, Some(session)) => (session, Some(sessions)),
            (None, None) => {
                let message =
                    format!("not signed in to {endpoint}; run 'evergate login --endpoint {endpoint}' first");
                return Err(NotSignedIn(message).into());
            }
        };
        let subscription = globals.subscription.clone().or_else(|| session.subscription.clone());
        Ok(Self { http, endpoint, subscription, session, sessions })
    }

    /// The sign-in.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// The subscription that was named or remembered, or the first one the endpoint lists.
    pub(crate) async fn subscription(&mut self) -> anyhow::Result<String> {
        if let Some(subscription) = &self.subscription {
            return Ok(subscription.clone());
        }
        let listed = self.get("/subscriptions?api-version=2022-12-01").await?;
        let first = listed["value"][0]["subscriptionId"].as_str();
        let first = first.ok_or_else(|| {
            NotSignedIn(
                "the endpoint shows no subscription to this sign-in; name one with --subscription".to_owned(),
            )
        })?;
        self.subscription = Some(first.to_owned());
        Ok(first.to_owned())
    }

    /// An access token for the management API.
    pub(crate) async fn token(&mut self) -> anyhow::Result<Secret> {
        let audience = self.session.audience.clone();
        self.token_for(&audience).await
    }

    /// An access token for an audience, from the cache or asked for anew.
    pub(crate) async fn token_for(&mut self, audience: &str) -> anyhow::Result<Secret> {
        let now = jiff::Timestamp::now();
        if let Some(token) = self.session.cached(audience, now) {
            return Ok(token);
        }
        let mut locked = self.sessions.as_ref().map(Sessions::lock).transpose()?;
        if let Some(renewed) = locked.as_ref().and_then(|locked| locked.sessions.of(&self.endpoint)) {
            self.session = renewed;
            if let Some(token) = self.session.cached(audience, now) {
                return Ok(token);
            }
        }
        let application = self.session.application();
        let tokens = oauth::request(&self.http, &application, audience, &self.renewal()?).await?;
        self.session.remember(audience, &tokens, now);
        if let Some(locked) = &mut locked {
            locked.put(&self.session)?;
        }
        Ok(tokens.access_token)
    }

    /// How a further token is had without asking the user.
    fn renewal(&self) -> anyhow::Result<Grant> {
        if self.session.client_secret.is_some() {
            return Ok(Grant::ClientCredentials);
        }
        let refresh_token = self.session.refresh_token.clone().ok_or_else(|| {
            NotSignedIn(format!("the sign-in to {} has ended; run 'evergate login' again", self.endpoint))
        })?;
        Ok(Grant::RefreshToken(refresh_token))
    }

    /// `GET`; the path begins with a slash, or is a whole URL.
    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<Value> {
        Ok(self.send(Method::GET, path, None).await?.body)
    }

    /// `POST`.
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Reply> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// `PUT`.
    pub(crate) async fn put(&mut self, path: &str, body: &Value) -> anyhow::Result<Reply> {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// Waits for a long-running operation and returns what it ended with. Called after every poll:
    /// `on_progress`.
    pub(crate) async fn poll(
        &mut self,
        reply: Reply,
        on_progress: impl FnMut(&Waited),
    ) -> anyhow::Result<Value> {
        poll::wait(self, reply, on_progress).await
    }

    /// A request to the management API.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Reply> {
        let audience = self.session.audience.clone();
        let url = self.url(path)?;
        self.send_for(&audience, method, url, body).await
    }

    /// A request to the directory's registrations.
    pub(crate) async fn graph(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Reply> {
        let audience = self.session.graph.clone();
        let url = Url::parse(&format!("{}{path}", audience.trim_end_matches('/')))?;
        self.send_for(&audience, method, url, body).await
    }

    async fn send_for(
        &mut self,
        audience: &str,
        method: Method,
        url: Url,
        body: Option<&Value>,
    ) -> anyhow::Result<Reply> {
        let token = self.token_for(audience).await?;
        let mut request = self.http.request(method, url).bearer_auth(token.expose());
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| Unreachable::new(&self.endpoint, &error))?;
        http::reply(response, &self.endpoint).await
    }

    /// A URL at the endpoint. A whole URL elsewhere is refused: the token is not for others.
    fn url(&self, path: &str) -> anyhow::Result<Url> {
        let endpoint = Url::parse(&self.endpoint)?;
        if path.starts_with('/') {
            return Ok(Url::parse(&format!("{}{path}", self.endpoint))?);
        }
        let url = Url::parse(path)?;
        if url.origin() == endpoint.origin() {
            Ok(url)
        } else {
            let message =
                format!("the endpoint points to {}, which is not itself", url.origin().ascii_serialization());
            Err(ClientError { status: 0, code: "ForeignLocation".to_owned(), message }.into())
        }
    }
}

impl Session {
    /// The application that signed in, as the token endpoint needs it.
    fn application(&self) -> Application {
        Application {
            authority: self.authority.clone(),
            tenant: self.tenant.clone(),
            id: self.application.clone(),
            secret: self.client_secret.clone(),
        }
    }
}
