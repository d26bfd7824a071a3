//! What can go wrong with a storage account, told so that the caller knows what to change.

use std::error::Error;

use object_store::client::HttpError;

/// Why storage refused or failed. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The account is not mapped and cannot exist in the public cloud, or the endpoint does not know it.
    #[error("storage account '{account}' is not known{}: check its name, or map it with --storage-account {account}=URL", at(.endpoint.as_deref()))]
    UnknownAccount {
        /// The account.
        account: String,
        /// Who said so, when it was an endpoint.
        endpoint: Option<String>,
    },
    /// The key was refused.
    #[error(
        "the access key of storage account '{account}' was refused ({reason}): check that the key belongs to this account and was not rotated"
    )]
    WrongKey {
        /// The account.
        account: String,
        /// The endpoint's own code, or what is wrong with the key's form.
        reason: String,
    },
    /// The container's name breaks its rule.
    #[error(
        "container name '{0}' is not valid: it takes 3 to 63 lower-case letters, digits and single hyphens, and begins and ends with a letter or digit"
    )]
    BadContainerName(String),
    /// There is no such container.
    #[error(
        "container '{container}' does not exist in storage account '{account}': create it first, backups do not create containers"
    )]
    ContainerMissing {
        /// The account.
        account: String,
        /// The container.
        container: String,
    },
    /// The backup's name breaks its rule.
    #[error("backup name '{name}' is not valid: {rule}")]
    BadBackupName {
        /// What was given.
        name: String,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// There is no such backup.
    #[error(
        "backup '{name}' does not exist in container '{container}' of storage account '{account}': list the container to see what is there"
    )]
    BackupMissing {
        /// The account.
        account: String,
        /// The container.
        container: String,
        /// The backup.
        name: String,
    },
    /// The backup was replaced while it was being read.
    #[error("backup '{0}' was replaced while it was being read: send the request again")]
    Changed(String),
    /// Nothing answers.
    #[error(
        "storage account '{account}' cannot be reached at {endpoint} ({reason}): check the account's name and the network, then send the request again"
    )]
    Unreachable {
        /// The account.
        account: String,
        /// Its endpoint.
        endpoint: String,
        /// What the network said.
        reason: String,
    },
    /// The machine's identity cannot be used.
    #[error(
        "storage account '{account}' cannot be opened with a managed identity ({reason}): send accessType 'AccessKey' with the account's key"
    )]
    Identity {
        /// The account.
        account: String,
        /// Why not.
        reason: String,
    },
    /// Anything else.
    #[error("storage account '{account}' failed: {reason}")]
    Failed {
        /// The account.
        account: String,
        /// What it said.
        reason: String,
    },
}

fn at(endpoint: Option<&str>) -> String {
    endpoint.map(|endpoint| format!(" at {endpoint}")).unwrap_or_default()
}

/// The names an error is told with.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) account: String,
    pub(super) container: String,
    pub(super) endpoint: String,
    /// Whether a machine's identity opens the account.
    pub(super) identity: bool,
}

impl Site {
    /// Says what an error of the library means here; `name` is the backup it was about.
    pub(super) fn explain(&self, error: &object_store::Error, name: &str) -> StorageError {
        let answer = Answer::of(error);
        let code = answer.code.as_deref().unwrap_or_default();
        match code {
            "ContainerNotFound" | "NoSuchBucket" => return self.container_missing(),
            "BlobNotFound" | "NoSuchKey" => return self.backup_missing(name),
            "ResourceNotFound" => {
                return StorageError::UnknownAccount {
                    account: self.account.clone(),
                    endpoint: Some(self.endpoint.clone()),
                };
            }
            "InvalidBucketName" | "InvalidResourceName" | "OutOfRangeInput" => {
                return StorageError::BadContainerName(self.container.clone());
            }
            _ => {}
        }
        match error {
            object_store::Error::NotFound { .. } => self.backup_missing(name),
            object_store::Error::Precondition { .. } => StorageError::Changed(name.to_owned()),
            object_store::Error::InvalidPath { .. } => bad_name(name),
            _ if matches!(answer.status, Some(401 | 403)) => self.refused(&answer),
            _ if answer.unreachable => self.unreachable(&answer.text),
            _ => StorageError::Failed { account: self.account.clone(), reason: answer.text },
        }
    }

    fn refused(&self, answer: &Answer) -> StorageError {
        let account = self.account.clone();
        let reason =
            answer.code.clone().unwrap_or_else(|| format!("status {}", answer.status.unwrap_or_default()));
        if self.identity {
            StorageError::Identity { account, reason }
        } else {
            StorageError::WrongKey { account, reason }
        }
    }

    fn unreachable(&self, reason: &str) -> StorageError {
        let (account, reason) = (self.account.clone(), reason.to_owned());
        StorageError::Unreachable { account, endpoint: self.endpoint.clone(), reason }
    }

    pub(super) fn container_missing(&self) -> StorageError {
        StorageError::ContainerMissing { account: self.account.clone(), container: self.container.clone() }
    }

    pub(super) fn backup_missing(&self, name: &str) -> StorageError {
        StorageError::BackupMissing {
            account: self.account.clone(),
            container: self.container.clone(),
            name: name.to_owned(),
        }
    }
}

/// A name that the storage behind an account cannot hold.
pub(super) fn bad_name(name: &str) -> StorageError {
    StorageError::BadBackupName { name: name.to_owned(), rule: "the storage account cannot hold this name" }
}

/// What an endpoint answered, dug out of the library's layers.
struct Answer {
    status: Option<u16>,
    code: Option<String>,
    unreachable: bool,
    text: String,
}

impl Answer {
    /// The library keeps its error for an HTTP answer to itself; its text has status and body.
    fn of(error: &object_store::Error) -> Self {
        let mut answer = Self { status: None, code: None, unreachable: false, text: String::new() };
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(current) = cause {
            answer.unreachable |= current.is::<HttpError>();
            answer.text = current.to_string();
            answer.status = answer.status.or_else(|| status(&answer.text));
            answer.code = answer.code.or_else(|| code(&answer.text));
            cause = current.source();
        }
        match (answer.status, &answer.code) {
            (Some(status), Some(code)) => answer.text = format!("it answered {status} {code}"),
            (Some(status), None) => answer.text = format!("it answered {status}"),
            _ => {}
        }
        answer
    }

    fn is_missing_blob(&self) -> bool {
        self.status == Some(404) && matches!(self.code.as_deref(), None | Some("BlobNotFound" | "NoSuchKey"))
    }
}

/// Whether a read of a backup that failed so still shows that its container can be used: there is no
/// such backup yet, an empty one, or a policy that hides what is missing.
pub(super) fn container_answers(error: &object_store::Error) -> bool {
    let answer = Answer::of(error);
    answer.is_missing_blob()
        || nothing_in_range(error)
        || (answer.status == Some(403) && answer.code.as_deref() == Some("AccessDenied"))
        || (answer.status.is_none() && matches!(error, object_store::Error::NotFound { .. }))
}

/// Whether a range could not be read because the blob has nothing there.
pub(super) fn nothing_in_range(error: &object_store::Error) -> bool {
    let answer = Answer::of(error);
    answer.status == Some(416) || answer.text.contains("object was only 0 bytes")
}

fn status(text: &str) -> Option<u16> {
    const BEFORE: &str = "non-2xx status code: ";
    text.get(text.find(BEFORE)? + BEFORE.len()..)?.get(..3)?.parse().ok()
}

/// The `<Code>` of an error document, as Azure and S3 both write it.
fn code(body: &str) -> Option<String> {
    let start = body.find("<Code>")? + "<Code>".len();
    let length = body[start..].find("</Code>")?;
    let code = &body[start..start + length];
    (!code.is_empty() && code.len() <= 80 && code.bytes().all(|b| b.is_ascii_alphanumeric()))
        .then(|| code.to_owned())
}
