//! The local certificate authority and the server's certificate, made and renewed without being asked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use serde::{Deserialize, Serialize};

use super::data_directory::{DataDirectory, read_optional, write_private};

const DAY: SignedDuration = SignedDuration::from_hours(24);
const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(24 * 3650);
const LIFE: SignedDuration = SignedDuration::from_hours(24 * 90);
const RENEW_BEFORE: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The certificate files of a data directory.
#[derive(Debug, Clone)]
pub(crate) struct Certificates {
    directory: PathBuf,
    authority_name: String,
    names: Vec<String>,
}

/// A certificate with its key, both PEM.
pub(crate) struct Issued {
    /// The server's certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// What must be known of a certificate to say whether it still serves.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    names: Vec<String>,
    not_after: Timestamp,
}

impl Certificates {
    /// Names the files; `instance` makes the authority's name unique, so that a client can trust two regions.
    pub(crate) fn new(data: &DataDirectory, instance: &str, names: Vec<String>) -> anyhow::Result<Self> {
        let directory = data.directory("tls")?;
        Ok(Self { directory, authority_name: format!("Evergate authority {instance}"), names })
    }

    /// The authority's certificate, for clients to trust.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// The certificate to serve at `now`: the one on disk, unless it lacks a name or is soon to expire.
    pub(crate) fn current(&self, now: Timestamp) -> anyhow::Result<Issued> {
        let (certificate, key, facts) =
            (self.path("server.pem"), self.path("server.key"), self.path("server.json"));
        if let (Some(certificate), Some(key), Some(facts)) =
            (read_optional(&certificate)?, read_optional(&key)?, read_optional(&facts)?)
            && serde_json::from_str::<Facts>(&facts)
                .is_ok_and(|facts| facts.names == self.names && now + RENEW_BEFORE < facts.not_after)
        {
            return Ok(Issued { certificate, key });
        }
        let issued = self.issue(now)?;
        let known = Facts { names: self.names.clone(), not_after: now + LIFE };
        // The facts go first out and last in: a crash between leads to another renewal, never to a mismatch.
        if facts.exists() {
            std::fs::remove_file(&facts)?;
        }
        write_private(&key, &issued.key)?;
        write_private(&certificate, &issued.certificate)?;
        write_private(&facts, serde_json::to_string_pretty(&known)?)?;
        Ok(issued)
    }

    fn issue(&self, now: Timestamp) -> anyhow::Result<Issued> {
        let authority = self.authority(now)?;
        let mut params = CertificateParams::new(self.names.clone())
            .with_context(|| format!("a certificate cannot be made for {}", self.names.join(", ")))?;
        params.distinguished_name = common_name("Evergate server");
        valid(&mut params, now - DAY, now + LIFE);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &authority)?;
        Ok(Issued { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// The authority: its key decides, so that the certificate clients trust stays the same.
    fn authority(&self, now: Timestamp) -> anyhow::Result<Issuer<'static, KeyPair>> {
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(&self.authority_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        valid(&mut params, now - DAY, now + AUTHORITY_LIFE);

        let path = self.path("ca.key");
        let key = if let Some(pem) = read_optional(&path)? {
            KeyPair::from_pem(&pem).with_context(|| format!("{} is damaged", path.display()))?
        } else {
            let key = KeyPair::generate()?;
            write_private(&path, key.serialize_pem())?;
            key
        };
        if !self.ca_file().exists() {
            write_public(&self.ca_file(), &params.self_signed(&key)?.pem())?;
        }
        Ok(Issuer::new(params, key))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Certificates are for everybody to read, though the directory around them is not.
fn write_public(path: &Path, contents: &str) -> anyhow::Result<()> {
    write_private(path, contents)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn valid(params: &mut CertificateParams, from: Timestamp, until: Timestamp) {
    let since_epoch =
        |when: Timestamp| Duration::from_secs(u64::try_from(when.as_second()).unwrap_or_default());
    params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(from);
    params.not_after = date_time_ymd(1970, 1, 1) + since_epoch(until);
}

#[cfg(test)]
mod tests;
