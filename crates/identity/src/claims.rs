//! The claims of the tokens this directory issues.

use jiff::Timestamp;
use serde::Serialize;

/// Which shape a token has; it follows the endpoint that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, Serialize)]
pub enum TokenVersion {
    /// `/oauth2/token`: `appid`, issuer `{authority}/{tenant}/`.
    V1,
    /// `/oauth2/v2.0/token`: `azp`, issuer `{authority}/{tenant}/v2.0`.
    V2,
}

impl TokenVersion {
    /// The issuer of a tenant's tokens.
    pub fn issuer(self, authority: &str, tenant: &str) -> String {
        match self {
            Self::V1 => format!("{authority}/{tenant}/"),
            Self::V2 => format!("{authority}/{tenant}/v2.0"),
        }
    }

    fn claim(self) -> &'static str {
        match self {
            Self::V1 => "1.0",
            Self::V2 => "2.0",
        }
    }
}

/// Who a token speaks for.
pub(crate) struct Subject {
    pub(crate) object_id: String,
    /// Only for people.
    pub(crate) person: Option<Person>,
    /// The client's display name.
    pub(crate) application_name: String,
}

pub(crate) struct Person {
    pub(crate) user_name: String,
    pub(crate) display_name: String,
}

/// When a token counts.
#[derive(Clone, Copy)]
pub(crate) struct Validity {
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// An access token's claims, named as the public cloud names them.
#[derive(Serialize)]
pub(crate) struct AccessClaims {
    aud: String,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    appid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    appidacr: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    azp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    azpacr: Option<&'static str>,
    app_displayname: String,
    idtyp: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    oid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scp: Option<String>,
    sub: String,
    tid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    upn: Option<String>,
    uti: String,
    ver: &'static str,
}

/// What an access token is made from.
pub(crate) struct AccessRequest<'a> {
    pub(crate) version: TokenVersion,
    pub(crate) authority: &'a str,
    pub(crate) tenant: String,
    pub(crate) audience: String,
    pub(crate) client: String,
    pub(crate) client_proved_itself: bool,
    pub(crate) scopes: Option<String>,
    pub(crate) validity: Validity,
    pub(crate) unique: String,
}

impl AccessClaims {
    pub(crate) fn new(request: AccessRequest<'_>, subject: Subject) -> Self {
        let v1 = request.version == TokenVersion::V1;
        let strength = if request.client_proved_itself { "1" } else { "0" };
        let (user_name, name) = subject.person.map(|p| (p.user_name, p.display_name)).unzip();
        Self {
            iss: request.version.issuer(request.authority, &request.tenant),
            aud: request.audience,
            iat: request.validity.issued_at.as_second(),
            nbf: request.validity.issued_at.as_second(),
            exp: request.validity.expires_at.as_second(),
            appid: v1.then(|| request.client.clone()),
            appidacr: v1.then_some(strength),
            azp: (!v1).then_some(request.client),
            azpacr: (!v1).then_some(strength),
            app_displayname: subject.application_name,
            idtyp: if user_name.is_some() { "user" } else { "app" },
            name,
            sub: subject.object_id.clone(),
            oid: subject.object_id,
            scp: request.scopes,
            tid: request.tenant,
            upn: user_name,
            uti: request.unique,
            ver: request.version.claim(),
        }
    }
}

/// An id token's claims (OpenID Connect Core, 2).
#[derive(Serialize)]
pub(crate) struct IdClaims {
    aud: String,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    oid: String,
    preferred_username: String,
    sub: String,
    tid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    upn: Option<String>,
    ver: &'static str,
}

impl IdClaims {
    pub(crate) fn new(
        request: &AccessRequest<'_>,
        object_id: &str,
        person: &Person,
        nonce: Option<String>,
    ) -> Self {
        Self {
            aud: request.client.clone(),
            iss: request.version.issuer(request.authority, &request.tenant),
            iat: request.validity.issued_at.as_second(),
            nbf: request.validity.issued_at.as_second(),
            exp: request.validity.expires_at.as_second(),
            name: person.display_name.clone(),
            nonce,
            oid: object_id.to_owned(),
            preferred_username: person.user_name.clone(),
            sub: object_id.to_owned(),
            tid: request.tenant.clone(),
            upn: (request.version == TokenVersion::V1).then(|| person.user_name.clone()),
            ver: request.version.claim(),
        }
    }
}
