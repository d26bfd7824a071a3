//! What can go wrong for a client command, and the exit code that scripts see.

use std::process::ExitCode;

use evergate_recovery::StorageError;

/// The endpoint refused a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("({code}) {message}")]
pub(crate) struct ClientError {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The error's code.
    pub(crate) code: String,
    /// Its message.
    pub(crate) message: String,
}

/// A long-running operation ended in failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("({code}) {message}")]
pub(crate) struct OperationFailed {
    /// The failure's code: `BackupFailed`, `RestoreFailed`.
    pub(crate) code: String,
    /// What happened and what to do.
    pub(crate) message: String,
}

/// There are no usable credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotSignedIn(pub(crate) String);

/// The arguments do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// There was no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot reach {endpoint}: {reason}")]
pub(crate) struct Unreachable {
    endpoint: String,
    reason: String,
}

impl Unreachable {
    /// From the transport's error, whose innermost cause says most.
    pub(crate) fn new(endpoint: &str, error: &reqwest::Error) -> Self {
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            reason = cause.to_string();
            source = cause.source();
        }
        if reason.to_ascii_lowercase().contains("certificate") {
            reason.push_str("; name the endpoint's certificate authority with --ca-file");
        }
        Self { endpoint: endpoint.to_owned(), reason }
    }
}

/// The exit code for an error: documented in docs/cli.md.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(error.chain().find_map(code_of).unwrap_or(1))
}

fn code_of(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if let Some(error) = cause.downcast_ref::<ClientError>() {
        return match error.status {
            401 | 403 => Some(3),
            404 => Some(4),
            409 | 412 => Some(5),
            _ => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<StorageError>() {
        return code_of_storage(error);
    }
    if cause.is::<Usage>() {
        Some(2)
    } else if cause.is::<NotSignedIn>() {
        Some(3)
    } else {
        cause.is::<Unreachable>().then_some(6)
    }
}

/// As the management API would answer, had it been asked instead of the storage account.
fn code_of_storage(error: &StorageError) -> Option<u8> {
    match error {
        StorageError::WrongKey { .. } | StorageError::Identity { .. } => Some(3),
        StorageError::UnknownAccount { .. }
        | StorageError::ContainerMissing { .. }
        | StorageError::BackupMissing { .. } => Some(4),
        StorageError::Changed(_) => Some(5),
        StorageError::Unreachable { .. } => Some(6),
        StorageError::BadContainerName(_)
        | StorageError::BadBackupName { .. }
        | StorageError::Failed { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_their_exit_codes() {
        let api = |status| ClientError { status, code: "C".to_owned(), message: "m".to_owned() };
        for (error, code) in [
            (anyhow::Error::new(api(400)), 1),
            (api(401).into(), 3),
            (api(403).into(), 3),
            (anyhow::Error::new(api(404)).context("while looking"), 4),
            (api(409).into(), 5),
            (api(412).into(), 5),
            (
                StorageError::BackupMissing { account: "a".into(), container: "c".into(), name: "n".into() }
                    .into(),
                4,
            ),
            (StorageError::WrongKey { account: "a".into(), reason: "r".into() }.into(), 3),
            (
                StorageError::Unreachable { account: "a".into(), endpoint: "e".into(), reason: "r".into() }
                    .into(),
                6,
            ),
            (api(503).into(), 1),
            (OperationFailed { code: "RestoreFailed".to_owned(), message: "m".to_owned() }.into(), 1),
            (NotSignedIn("no".to_owned()).into(), 3),
            (Usage("no".to_owned()).into(), 2),
            (Unreachable { endpoint: "e".to_owned(), reason: "r".to_owned() }.into(), 6),
            (anyhow::anyhow!("else"), 1),
        ] {
            assert_eq!(
                format!("{:?}", exit_code(&error)),
                format!("{:?}", ExitCode::from(code)),
                "{error:#}"
            );
        }
    }
}
