//! `evergate restore`.

use std::process::ExitCode;

use super::backup::operation::{self, OperationArgs, Verb};
use crate::globals::Globals;

/// Restores a service from a backup.
///
/// Replaces the whole configuration of the service, users and their keys included, in one step. Its name,
/// region, custom host names, identity and network stay. What was there before is kept: see `evergate undo`.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    evergate restore -g rg1 -n shop --storage-account corpbackups --container nightly \\\n      \
    --backup-name shop-monday\n  \
    evergate restore -g rg1 -n shop --storage-account corpbackups --container nightly \\\n      \
    --backup-name shop-monday --no-wait\n\n\
    The service must exist and have the SKU of the backup.\n\
    The access key is taken from EVERGATE_STORAGE_KEY, or asked for; it is never an argument.")]
pub(crate) struct Args {
    #[command(flatten)]
    operation: OperationArgs,
}

pub(crate) async fn run(args: Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    operation::run(Verb::Restore, args.operation, globals).await
}
