//! What can go wrong for a client command, and the exit code that scripts see.

use std::process::ExitCode;

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
    let causes = || error.chain();
    let api = causes().find_map(|cause| cause.downcast_ref::<ClientError>());
    ExitCode::from(match api.map(|error| error.status) {
        Some(401 | 403) => 3,
        Some(404) => 4,
        Some(409 | 412) => 5,
        Some(_) => 1,
        None if causes().any(|cause| cause.is::<Usage>()) => 2,
        None if causes().any(|cause| cause.is::<NotSignedIn>()) => 3,
        None if causes().any(|cause| cause.is::<Unreachable>()) => 6,
        None => 1,
    })
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
