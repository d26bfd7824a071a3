//! `evergate backup`.

pub(super) mod operation;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;

use crate::globals::Globals;
use operation::{OperationArgs, Verb};

/// Backs a service up.
///
/// Works with any endpoint that has this management API, the public cloud's own included. The backup can be
/// restored for 30 days.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    evergate backup -g rg1 -n shop --storage-account corpbackups --container nightly \\\n      \
    --backup-name shop-monday\n  \
    EVERGATE_STORAGE_KEY=$(cat key) evergate backup -g rg1 -n shop -o json \\\n      \
    --storage-account corpbackups --container nightly --backup-name \"shop-$(date +%F)\"\n\n\
    The access key is taken from EVERGATE_STORAGE_KEY, or asked for; it is never an argument.")]
pub(crate) struct Args {
    #[command(flatten)]
    operation: OperationArgs,
}

/// Prints a result. A reader that went away, as `head` does, is no failure.
pub(super) fn print_line(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("the result could not be printed"),
    }
}

pub(crate) async fn run(args: Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    operation::run(Verb::Backup, args.operation, globals).await
}
