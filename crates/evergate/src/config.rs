//! What `evergate serve` runs with: defaults, overruled by a TOML file, by the environment, by flags.
//!
//! One table ([`keys::KEYS`]) declares every key; the flags, the variables and the reference page come
//! from it. Values are checked while they are read, so that an error names the file or flag and the key.

mod error;
mod given;
pub(crate) mod keys;
mod value;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format as _, Serialized, Toml};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

pub(crate) use error::ConfigError;
pub(crate) use given::Given;
pub(crate) use value::{
    AccountName, Address, ExternalIssuer, HttpsOrigin, Listen, LogFilter, LogFormat, Region,
};

use given::Origin;
use value::{GatewayUrl, HostSuffix};

/// The configuration of one server, checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Config {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// The region this instance stands in; what a data directory was made for when absent.
    pub region: Option<Region>,
    /// Where the management API and the directory listen.
    pub management: Address,
    /// Where the gateway listens without TLS.
    pub gateway: Listen,
    /// Where the gateway listens with TLS; see [`Config::gateway_https`].
    gateway_https: Option<Listen>,
    /// The origin clients reach the management API by, when it is not the listener's own.
    pub public_endpoint: Option<HttpsOrigin>,
    /// What follows a service's name in its host name.
    gateway_host_suffix: HostSuffix,
    /// A service's URL as its clients see it.
    gateway_url: Option<GatewayUrl>,
    /// How many threads the gateway runs; one a core when 0.
    pub gateway_workers: usize,
    /// PEM files with authorities that the gateway trusts for https backends.
    pub upstream_authorities: Vec<PathBuf>,
    /// More names for the server's certificate.
    pub certificate_names: Vec<String>,
    /// Where metrics and health are served without TLS or sign-in.
    pub metrics: Listen,
    /// Storage account names and where they are.
    pub storage_accounts: BTreeMap<AccountName, String>,
    /// Whether an account name that is not mapped means the public cloud's account.
    pub public_cloud_storage: bool,
    /// Recovery key files of other regions, to import.
    pub recovery_keys: Vec<PathBuf>,
    /// More audiences that tokens may be for.
    pub token_audiences: Vec<String>,
    /// Other issuers whose tokens are accepted.
    pub external_issuers: Vec<ExternalIssuer>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines are written.
    pub log: LogFilter,
    /// How long requests may take to finish at shutdown, in seconds.
    pub shutdown_grace: u64,
    /// Aborts the process at a checkpoint: for crash tests.
    pub abort_at: Option<String>,
    /// By how much the clock of store and recovery is behind: for tests of expiry.
    pub clock_days_behind: u16,
    /// Whether this start gives the owner new credentials. A flag only: what is configured happens at every start.
    #[serde(skip)]
    pub recover_access: bool,
}

impl Config {
    /// Reads the configuration from its four sources.
    pub(crate) fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: Vec<(&'static keys::Key, Vec<String>)>,
    ) -> Result<Self, ConfigError> {
        let environment: Vec<_> = environment.into_iter().collect();
        let mut figment = Figment::from(Serialized::defaults(defaults(&environment)));
        if let Some(file) = file {
            if let Err(source) = std::fs::File::open(file) {
                return Err(ConfigError::Unreadable { file: file.to_owned(), source });
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        figment
            .merge(Given::environment(&environment))
            .merge(Given { origin: Origin::CommandLine, values: flags })
            .extract()
            .map_err(ConfigError::from)
    }

    /// Where the gateway listens with TLS: beside the default plain address, otherwise only when asked.
    pub(crate) fn gateway_https(&self) -> Listen {
        self.gateway_https.unwrap_or_else(|| {
            let untouched = self.gateway.0 == Some(keys::DEFAULT_GATEWAY);
            Listen(untouched.then_some(keys::DEFAULT_GATEWAY_HTTPS))
        })
    }

    /// The clock of store and recovery.
    pub(crate) fn clock(&self) -> impl Fn() -> Timestamp + Send + Sync + use<> {
        let behind = SignedDuration::from_hours(24 * i64::from(self.clock_days_behind));
        move || Timestamp::now() - behind
    }

    /// What follows a service's name in its host name, without a leading dot.
    pub(crate) fn host_suffix(&self) -> &str {
        &self.gateway_host_suffix.0
    }

    /// The URL template of services: `{service}` stands for the name.
    pub(crate) fn gateway_url(&self) -> Option<&str> {
        self.gateway_url.as_ref().map(|url| url.0.as_str())
    }
}

fn defaults(environment: &[(String, String)]) -> BTreeMap<&'static str, serde_json::Value> {
    let mut defaults: BTreeMap<_, _> = keys::KEYS
        .iter()
        .filter_map(|key| Some((key.name, serde_json::from_str(key.default?).ok()?)))
        .collect();
    defaults.insert("data-dir", default_data_dir(environment).display().to_string().into());
    defaults
}

fn default_data_dir(environment: &[(String, String)]) -> PathBuf {
    let variable = |name: &str| {
        environment.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value)
    };
    match (variable("XDG_DATA_HOME"), variable("HOME")) {
        (Some(data), _) => Path::new(data).join("evergate"),
        (None, Some(home)) => Path::new(home).join(".local/share/evergate"),
        (None, None) => PathBuf::from("evergate-data"),
    }
}

/// The `EVERGATE_*` variables that set no key of the server and belong to no client command.
pub(crate) fn unknown_variables<'a>(environment: &'a [(String, String)], known: &[String]) -> Vec<&'a str> {
    environment
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| name.starts_with("EVERGATE_"))
        .filter(|name| !keys::KEYS.iter().any(|key| key.variable().as_deref() == Some(name)))
        .filter(|name| !known.iter().any(|other| other == name))
        .collect()
}

#[cfg(test)]
mod tests;
