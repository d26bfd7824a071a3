//! The types of configuration values: each checks its text when it is read.

use std::net::SocketAddr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use url::Url;

/// An address to listen on, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listen(pub Option<SocketAddr>);

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "off" {
            return Ok(Self(None));
        }
        text.parse().map(|address| Self(Some(address))).map_err(|_| {
            D::Error::custom(format!("'{text}' is neither an address such as 127.0.0.1:8080 nor 'off'"))
        })
    }
}

/// An address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address(pub SocketAddr);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let address = text.parse().map(Self);
        address.map_err(|_| D::Error::custom(format!("'{text}' is not an address such as 127.0.0.1:9443")))
    }
}

macro_rules! text_value {
    ($(#[$doc:meta])* $type:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) struct $type(pub(crate) String);

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let check: fn(&str) -> Result<String, String> = $check;
                check(&text).map(Self).map_err(D::Error::custom)
            }
        }
    };
}

text_value!(
    /// A region's name: lower-case letters and digits, display names folded (`West Europe`).
    Region,
    |text| {
        let folded: String = text.chars().filter(|c| *c != ' ').collect::<String>().to_ascii_lowercase();
        let valid = !folded.is_empty()
            && folded.len() <= 60
            && folded.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if valid {
            Ok(folded)
        } else {
            Err(format!("'{text}' is not a region name: it takes letters, digits and hyphens, as westeurope"))
        }
    }
);

text_value!(
    /// A storage account's name, by the public cloud's rule: 3 to 24 lower-case letters and digits.
    AccountName,
    |text| {
        let valid = (3..=24).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if valid {
            Ok(text.to_owned())
        } else {
            Err(format!("'{text}' is not a storage account name: 3 to 24 lower-case letters and digits"))
        }
    }
);

text_value!(
    /// `https://HOST[:PORT]`, kept without a trailing slash.
    HttpsOrigin,
    |text| {
        let url = Url::parse(text).map_err(|error| format!("'{text}' is not a URL: {error}"))?;
        let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if url.scheme() == "https" && url.has_host() && plain && url.username().is_empty() {
            Ok(url.as_str().trim_end_matches('/').to_owned())
        } else {
            Err(format!("'{text}' is not an origin: https, a host, perhaps a port, and nothing after it"))
        }
    }
);

impl HttpsOrigin {
    /// The host, as a certificate names it.
    pub(crate) fn host(&self) -> String {
        let host = Url::parse(&self.0).ok().and_then(|url| url.host_str().map(str::to_owned));
        host.unwrap_or_default().trim_matches(['[', ']']).to_owned()
    }
}

text_value!(
    /// A domain that service names are put before.
    HostSuffix,
    |text| {
        let labels = text.split('.');
        let valid = |label: &str| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if labels.clone().all(valid) && text.len() <= 200 {
            Ok(text.to_ascii_lowercase())
        } else {
            Err(format!("'{text}' is not a domain name such as gateway.localhost"))
        }
    }
);

text_value!(
    /// A URL with `{service}` in its host.
    GatewayUrl,
    |text| {
        let filled = text.replace("{service}", "service");
        let web = Url::parse(&filled).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if web && text.contains("{service}") {
            Ok(text.trim_end_matches('/').to_owned())
        } else {
            Err(format!("'{text}' is not a URL with {{service}}, such as https://{{service}}.example.com"))
        }
    }
);

text_value!(
    /// Directives of `tracing_subscriber`'s filter.
    LogFilter,
    |text| match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("'{text}' is not a log filter: {error}")),
    }
);

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Another issuer whose tokens are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ExternalIssuer {
    /// The URL its discovery document is under.
    pub issuer: String,
    /// The audiences its tokens must be for.
    pub audiences: Vec<String>,
    /// The tenants accepted; empty accepts all, which only a single-tenant issuer may say.
    #[serde(default)]
    pub tenants: Vec<String>,
}
