//! What every client command takes, and how every command reports failure.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

/// Options of every command that talks to a management endpoint.
#[derive(Debug, Clone, Args)]
pub(crate) struct Globals {
    /// The management endpoint; `evergate login` remembers it.
    #[arg(long, global = true, env = "EVERGATE_ENDPOINT", help_heading = "Client options")]
    pub endpoint: Option<String>,
    /// A PEM file with the certificate authority to trust beside the system's.
    #[arg(long, global = true, env = "EVERGATE_CA_FILE", help_heading = "Client options")]
    pub ca_file: Option<PathBuf>,
    /// The subscription that owns the service.
    #[arg(long, global = true, env = "EVERGATE_SUBSCRIPTION", help_heading = "Client options")]
    pub subscription: Option<String>,
    /// How results are printed.
    #[arg(long, short, global = true, value_enum, default_value_t, help_heading = "Client options")]
    pub output: Output,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// Prints an error with its causes and returns the exit code scripts see.
#[expect(clippy::print_stderr, reason = "this is where the command line reports failure")]
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {}", told(error));
    crate::client::error::exit_code(error)
}

/// An error with its causes, none told twice: some errors repeat their cause in their own words.
fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let check = |outer: &'static str, expected: &str| {
            let error = anyhow::Error::from(std::io::Error::other("disk full")).context(outer);
            assert_eq!(told(&error), expected);
        };
        check("cannot write", "cannot write: disk full");
        check("cannot write: disk full", "cannot write: disk full");
    }
}
