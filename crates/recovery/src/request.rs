//! What a caller asks for: which backup, in which container, opened how.
//!
//! A request travels through the store as a sealed JSON document, so that another process can take
//! the operation over; its digest, which is not sealed, says nothing about the access key.

use evergate_model::Secret;
use evergate_store::Verb;
use serde::Serialize;

/// How a storage account is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// With the account's key; for S3-compatible storage it reads `ACCESSKEYID:SECRET`.
    AccessKey(Secret),
    /// With the identity of the machine Evergate runs on.
    SystemAssigned,
    /// With a user-assigned identity of the machine Evergate runs on.
    UserAssigned {
        /// The identity's client id.
        client_id: String,
    },
}

/// Where a backup is, or shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupRequest {
    /// The storage account's name.
    pub storage_account: String,
    /// The container, which must exist.
    pub container: String,
    /// The blob.
    pub backup_name: String,
    /// How the account is opened.
    pub access: Access,
}

/// The stored form; the field names are ours alone.
#[derive(Serialize)]
struct Document<'a> {
    storage_account: &'a str,
    container: &'a str,
    backup_name: &'a str,
    access: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
}

impl BackupRequest {
    fn document(&self) -> Document<'_> {
        let (access, access_key, client_id) = match &self.access {
            Access::AccessKey(key) => ("key", Some(key.expose()), None),
            Access::SystemAssigned => ("system", None, None),
            Access::UserAssigned { client_id } => ("user", None, Some(client_id.as_str())),
        };
        Document {
            storage_account: &self.storage_account,
            container: &self.container,
            backup_name: &self.backup_name,
            access,
            access_key,
            client_id,
        }
    }

    /// The request as the store keeps it.
    pub(crate) fn to_secret(&self) -> Secret {
        Secret::new(serde_json::to_string(&self.document()).unwrap_or_default())
    }

    /// Reads what [`Self::to_secret`] wrote.
    pub(crate) fn from_secret(secret: &Secret) -> Option<Self> {
        // Owned values: a borrowed text cannot hold escapes.
        let value: serde_json::Value = serde_json::from_str(secret.expose()).ok()?;
        let text = |name: &str| value.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        let access = match text("access")?.as_str() {
            "key" => Access::AccessKey(Secret::new(text("access_key")?)),
            "system" => Access::SystemAssigned,
            "user" => Access::UserAssigned { client_id: text("client_id")? },
            _ => return None,
        };
        Some(Self {
            storage_account: text("storage_account")?,
            container: text("container")?,
            backup_name: text("backup_name")?,
            access,
        })
    }

    /// Equal for a request that is sent again, different for any other.
    pub(crate) fn digest(&self, verb: Verb) -> String {
        let document = Document { access_key: None, ..self.document() };
        let text = format!("{verb} {}", serde_json::to_string(&document).unwrap_or_default());
        hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(access: Access) -> BackupRequest {
        BackupRequest {
            storage_account: "devacct".into(),
            container: "backups".into(),
            backup_name: "night \"1\"\n".into(),
            access,
        }
    }

    #[test]
    fn a_request_survives_the_store() {
        for access in [
            Access::AccessKey(Secret::new("a\\b\"c")),
            Access::SystemAssigned,
            Access::UserAssigned { client_id: "id".into() },
        ] {
            let request = request(access);
            assert_eq!(BackupRequest::from_secret(&request.to_secret()), Some(request));
        }
        assert_eq!(BackupRequest::from_secret(&Secret::new("{}")), None);
    }

    #[test]
    fn the_digest_tells_requests_apart_but_not_keys() {
        let one = request(Access::AccessKey(Secret::new("one")));
        let two = request(Access::AccessKey(Secret::new("two")));
        assert_eq!(one.digest(Verb::Backup), two.digest(Verb::Backup));
        assert_ne!(one.digest(Verb::Backup), one.digest(Verb::Restore));
        assert_ne!(one.digest(Verb::Backup), request(Access::SystemAssigned).digest(Verb::Backup));
        assert!(!format!("{one:?}").contains("one"));
    }
}
