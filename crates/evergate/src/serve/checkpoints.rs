//! Ends the process at a named point of backup or restore, for crash tests.

use evergate_recovery::Checkpoints;

/// Aborts at one point; passes all others.
pub(crate) struct AbortAt(pub String);

impl Checkpoints for AbortAt {
    fn reach(&self, name: &str) {
        if name == self.0 {
            tracing::error!(point = name, "aborting, as --abort-at asks");
            std::process::abort();
        }
    }
}
