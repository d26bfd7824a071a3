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
    eprintln!("error: {error:#}");
    crate::client::error::exit_code(error)
}
