//! Sign-ins that are remembered: one per endpoint, in a file that only the user can read.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use evergate_model::Secret;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::cloud::Cloud;
use super::oauth::Tokens;

/// A token this close to its end is asked for anew.
const MARGIN: SignedDuration = SignedDuration::from_secs(120);

/// A sign-in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Session {
    pub(crate) endpoint: String,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) authority: String,
    pub(crate) tenant: String,
    pub(crate) audience: String,
    pub(crate) graph: String,
    pub(crate) application: String,
    #[serde(with = "secret", default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_secret: Option<Secret>,
    #[serde(with = "secret", default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) subscription: Option<String>,
    #[serde(default)]
    tokens: BTreeMap<String, Cached>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cached {
    #[serde(with = "secret")]
    token: Option<Secret>,
    expires_at: Timestamp,
}

impl Session {
    /// A sign-in without tokens yet.
    pub(crate) fn new(endpoint: &str, cloud: &Cloud, tenant: &str, application: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            ca_file: None,
            authority: cloud.authority.clone(),
            tenant: tenant.to_owned(),
            audience: cloud.audience.clone(),
            graph: cloud.graph.clone(),
            application: application.to_owned(),
            client_secret: None,
            refresh_token: None,
            subscription: None,
            tokens: BTreeMap::new(),
        }
    }

    /// A token that will still count for a while.
    pub(super) fn cached(&self, audience: &str, now: Timestamp) -> Option<Secret> {
        let cached = self.tokens.get(audience)?;
        (cached.expires_at.duration_since(now) > MARGIN).then(|| cached.token.clone())?
    }

    /// Keeps what the directory gave.
    pub(crate) fn remember(&mut self, audience: &str, tokens: &Tokens, now: Timestamp) {
        let expires_at = now.saturating_add(SignedDuration::from_secs(tokens.expires_in)).unwrap_or(now);
        let cached = Cached { token: Some(tokens.access_token.clone()), expires_at };
        self.tokens.insert(audience.to_owned(), cached);
        if tokens.refresh_token.is_some() {
            self.refresh_token.clone_from(&tokens.refresh_token);
        }
    }
}

/// All remembered sign-ins.
#[derive(Debug)]
pub(crate) struct Sessions {
    path: PathBuf,
    known: Known,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Known {
    current: Option<String>,
    #[serde(default)]
    sessions: BTreeMap<String, Session>,
}

impl Sessions {
    /// Reads the user's file; there may be none yet.
    pub(crate) fn open() -> anyhow::Result<Self> {
        Self::open_in(&configuration_folder()?)
    }

    fn open_in(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("sessions.json");
        let known = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("{} is damaged; delete it and sign in again", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Known::default(),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        Ok(Self { path, known })
    }

    pub(crate) fn of(&self, endpoint: &str) -> Option<Session> {
        self.known.sessions.get(endpoint).cloned()
    }

    pub(crate) fn current(&self) -> Option<Session> {
        self.of(self.known.current.as_deref()?)
    }

    /// Keeps a new sign-in and makes it the one that commands use.
    pub(crate) fn sign_in(session: &Session) -> anyhow::Result<()> {
        let mut locked = Self::open()?.lock()?;
        locked.sessions.known.current = Some(session.endpoint.clone());
        locked.put(session)
    }

    /// Waits until no other command changes the file, and reads it again: a refresh token works once, so of
    /// two commands that need a new token only one may ask for it.
    pub(crate) fn lock(&self) -> anyhow::Result<Locked> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let lock = || {
            std::fs::create_dir_all(folder)?;
            let file = std::fs::File::create(folder.join("sessions.lock"))?;
            file.lock()?;
            Ok::<_, std::io::Error>(file)
        };
        let lock = lock().with_context(|| format!("{} cannot be locked", self.path.display()))?;
        Ok(Locked { sessions: Self::open_in(folder)?, _lock: lock })
    }

    /// Writes beside and renames: a command that is interrupted, or another one, never leaves half a file.
    fn write(&self) -> anyhow::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let text = serde_json::to_vec_pretty(&self.known)?;
        let write = || {
            std::fs::create_dir_all(folder)?;
            // A temporary file is made readable for its owner only, and keeps that when it is renamed.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(&text)?;
            file.as_file().sync_all()?;
            file.persist(&self.path).map_err(|error| error.error)
        };
        write().with_context(|| format!("{} cannot be written", self.path.display())).map(drop)
    }
}

/// The remembered sign-ins while nobody else changes them.
pub(crate) struct Locked {
    pub(crate) sessions: Sessions,
    _lock: std::fs::File,
}

impl Locked {
    /// Keeps a renewed sign-in.
    pub(crate) fn put(&mut self, session: &Session) -> anyhow::Result<()> {
        self.sessions.known.sessions.insert(session.endpoint.clone(), session.clone());
        self.sessions.write()
    }
}

/// Credentials that scripts give in the environment, under our names or the public cloud's SDKs'.
#[derive(Debug, Clone, Default)]
pub(crate) struct Credentials {
    pub(crate) tenant: Option<String>,
    pub(crate) application: Option<String>,
    pub(crate) secret: Option<Secret>,
    /// They are under our names: then they are meant for us.
    ours: bool,
}

impl Credentials {
    pub(crate) fn from_environment() -> Self {
        let ours = variable("EVERGATE_APPLICATION").is_some();
        Self {
            tenant: variable("EVERGATE_TENANT").or_else(|| variable("AZURE_TENANT_ID")),
            application: variable("EVERGATE_APPLICATION").or_else(|| variable("AZURE_CLIENT_ID")),
            secret: variable("EVERGATE_CLIENT_SECRET")
                .or_else(|| variable("AZURE_CLIENT_SECRET"))
                .map(Secret::new),
            ours,
        }
    }
}

/// The session that the environment's credentials make: no sign-in is needed then, and none is kept. The
/// public cloud's names count only where there is no sign-in, and only for the directory they are for.
pub(super) async fn from_environment(
    client: &reqwest::Client,
    endpoint: &str,
    signed_in: bool,
) -> anyhow::Result<Option<Session>> {
    let Credentials { tenant, application: Some(application), secret: Some(secret), ours } =
        Credentials::from_environment()
    else {
        return Ok(None);
    };
    if signed_in && !ours {
        return Ok(None);
    }
    let cloud = Cloud::of(client, endpoint).await?;
    let elsewhere = variable("AZURE_AUTHORITY_HOST")
        .is_some_and(|host| host.trim_end_matches('/') != cloud.authority.trim_end_matches('/'));
    if !ours && elsewhere {
        return Ok(None);
    }
    let tenant = tenant.or_else(|| cloud.tenant.clone());
    let tenant = tenant.context("EVERGATE_TENANT must name the tenant of the application")?;
    let mut session = Session::new(endpoint, &cloud, &tenant, &application);
    session.client_secret = Some(secret);
    Ok(Some(session))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// `EVERGATE_CONFIG_DIR`, or the platform's place for a user's configuration.
fn configuration_folder() -> anyhow::Result<PathBuf> {
    let named = variable("EVERGATE_CONFIG_DIR").map(PathBuf::from);
    let platform = || {
        let base = variable("XDG_CONFIG_HOME").or_else(|| variable("APPDATA")).map(PathBuf::from);
        let base = base.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".config")))?;
        Some(base.join("evergate"))
    };
    named
        .or_else(platform)
        .context("there is no home folder to remember the sign-in in; set EVERGATE_CONFIG_DIR")
}

/// Secrets are written into this file, and nowhere else.
mod secret {
    use super::{Deserialize, Deserializer, Secret, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands the field over like this")]
    pub(super) fn serialize<S: Serializer>(
        secret: &Option<Secret>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::expose).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(endpoint: &str) -> Session {
        let cloud = Cloud {
            authority: endpoint.to_owned(),
            audience: endpoint.to_owned(),
            graph: endpoint.to_owned(),
            tenant: None,
        };
        Session { client_secret: Some(Secret::new("hush")), ..Session::new(endpoint, &cloud, "t", "a") }
    }

    #[test]
    fn sign_ins_are_kept_per_endpoint_and_privately() {
        let folder = tempfile::tempdir().unwrap();
        let sessions = Sessions::open_in(folder.path()).unwrap();
        assert!(sessions.current().is_none());
        for endpoint in ["https://one", "https://two"] {
            let mut locked = sessions.lock().unwrap();
            locked.sessions.known.current = Some(endpoint.to_owned());
            locked.put(&session(endpoint)).unwrap();
        }
        sessions.lock().unwrap().put(&session("https://one")).unwrap();
        let again = Sessions::open_in(folder.path()).unwrap();
        assert_eq!(again.current().unwrap().endpoint, "https://two");
        assert_eq!(again.of("https://one").unwrap().client_secret, Some(Secret::new("hush")));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(folder.path().join("sessions.json")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert!(!format!("{again:?}").contains("hush"));
    }

    #[test]
    fn tokens_are_used_until_shortly_before_their_end() {
        let mut session = session("https://one");
        let now = Timestamp::UNIX_EPOCH;
        let tokens =
            Tokens { access_token: Secret::new("t"), refresh_token: None, expires_in: 3600, scope: None };
        session.remember("a", &tokens, now);
        assert_eq!(session.cached("a", now), Some(Secret::new("t")));
        assert_eq!(session.cached("a", now + SignedDuration::from_secs(3600) - MARGIN), None);
        assert_eq!(session.cached("b", now), None);
    }
}
