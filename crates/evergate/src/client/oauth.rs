//! Asks a directory for tokens: the public cloud's, or one of ours.

use evergate_model::Secret;
use serde_json::Value;

use super::error::{NotSignedIn, Unreachable};

/// The application that asks.
#[derive(Debug, Clone)]
pub(crate) struct Application {
    /// The directory, without a trailing slash.
    pub(crate) authority: String,
    pub(crate) tenant: String,
    pub(crate) id: String,
    /// Only a confidential application has one.
    pub(crate) secret: Option<Secret>,
}

/// By what right it asks.
#[derive(Debug, Clone)]
pub(crate) enum Grant {
    ClientCredentials,
    RefreshToken(Secret),
    AuthorizationCode { code: Secret, verifier: Secret, redirect_uri: String },
    DeviceCode(Secret),
}

/// What for, and in which dialect.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// `resource`, the v1 endpoints.
    Resource(String),
    /// `scope`, the v2 endpoints.
    Scope(String),
}

/// What the directory gives.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    pub(crate) access_token: Secret,
    pub(crate) refresh_token: Option<Secret>,
    /// Seconds.
    pub(crate) expires_in: i64,
    pub(crate) scope: Option<String>,
}

/// A refusal of the directory.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) error: String,
    pub(crate) description: String,
}

impl Wanted {
    /// Everything that is granted on an audience. A trailing slash stays: it is part of the audience.
    pub(crate) fn everything_on(audience: &str) -> Self {
        Self::Scope(format!("{audience}/.default"))
    }

    /// The path of an endpoint below the tenant.
    pub(crate) fn path(&self, endpoint: &str) -> String {
        match self {
            Self::Resource(_) => format!("/oauth2/{endpoint}"),
            Self::Scope(_) => format!("/oauth2/v2.0/{endpoint}"),
        }
    }

    /// The parameter that says it. A sign-in of a user also asks for a refresh token.
    pub(crate) fn parameter(&self, of_user: bool) -> (&'static str, String) {
        match self {
            Self::Resource(resource) => ("resource", resource.clone()),
            Self::Scope(scope) if of_user => ("scope", format!("{scope} openid profile offline_access")),
            Self::Scope(scope) => ("scope", scope.clone()),
        }
    }
}

impl Application {
    /// The URL of an endpoint of the tenant.
    pub(crate) fn url(&self, wanted: &Wanted, endpoint: &str) -> String {
        format!("{}/{}{}", self.authority, self.tenant, wanted.path(endpoint))
    }
}

/// Asks for a token for everything granted on an audience.
pub(crate) async fn request(
    client: &reqwest::Client,
    application: &Application,
    audience: &str,
    grant: &Grant,
) -> anyhow::Result<Tokens> {
    match redeem(client, application, &Wanted::everything_on(audience), grant).await? {
        Ok(tokens) => Ok(tokens),
        Err(refused) => Err(refused.into_error()),
    }
}

/// Asks for a token; a refusal is a value, because polling expects some.
pub(crate) async fn redeem(
    client: &reqwest::Client,
    application: &Application,
    wanted: &Wanted,
    grant: &Grant,
) -> anyhow::Result<Result<Tokens, Refused>> {
    let of_user = !matches!(grant, Grant::ClientCredentials);
    let (name, value) = wanted.parameter(of_user);
    let mut form = vec![("client_id", application.id.clone()), (name, value)];
    if let Some(secret) = &application.secret {
        form.push(("client_secret", secret.expose().to_owned()));
    }
    let grant_type = match grant {
        Grant::ClientCredentials => "client_credentials",
        Grant::RefreshToken(token) => {
            form.push(("refresh_token", token.expose().to_owned()));
            "refresh_token"
        }
        Grant::AuthorizationCode { code, verifier, redirect_uri } => {
            form.push(("code", code.expose().to_owned()));
            form.push(("code_verifier", verifier.expose().to_owned()));
            form.push(("redirect_uri", redirect_uri.clone()));
            "authorization_code"
        }
        Grant::DeviceCode(code) => {
            form.push(("device_code", code.expose().to_owned()));
            form.push(("code", code.expose().to_owned()));
            "urn:ietf:params:oauth:grant-type:device_code"
        }
    };
    form.push(("grant_type", grant_type.to_owned()));
    let body = post(client, application, &application.url(wanted, "token"), &form).await?;
    Ok(body.map(|body| Tokens {
        access_token: secret(&body, "access_token").unwrap_or_default(),
        refresh_token: secret(&body, "refresh_token"),
        expires_in: number(&body["expires_in"]).unwrap_or(300),
        scope: body["scope"].as_str().map(str::to_owned),
    }))
}

/// Posts a form to a directory and reads its JSON.
pub(crate) async fn post(
    client: &reqwest::Client,
    application: &Application,
    url: &str,
    form: &[(&str, String)],
) -> anyhow::Result<Result<Value, Refused>> {
    let unreachable = |error: reqwest::Error| Unreachable::new(&application.authority, &error);
    let response = client.post(url).form(form).send().await.map_err(unreachable)?;
    let status = response.status();
    let text = response.text().await.map_err(unreachable)?;
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if status.is_success() {
        return Ok(Ok(body));
    }
    let error = body["error"].as_str().unwrap_or("unknown").to_owned();
    let description = body["error_description"].as_str().map_or_else(
        || format!("{} answered {status}", application.authority),
        // What follows the first sentence are ids for whoever reads the directory's log.
        |text| text.lines().next().unwrap_or(text).split(" Trace ID:").next().unwrap_or(text).to_owned(),
    );
    Ok(Err(Refused { error, description }))
}

impl Refused {
    pub(crate) fn into_error(self) -> anyhow::Error {
        NotSignedIn(self.description).into()
    }
}

fn secret(body: &Value, name: &str) -> Option<Secret> {
    body[name].as_str().map(Secret::new)
}

/// The v1 endpoints write numbers as texts.
pub(crate) fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}
