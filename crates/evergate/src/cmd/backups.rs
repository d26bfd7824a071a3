//! `evergate backups`: what lies in a container, seen without any server.

mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use evergate_archive::RecoveryKey;
use evergate_recovery::CatalogueError;
use indicatif::{ProgressBar, ProgressStyle};

use super::backup::print_line;
use super::storage::access::StorageArgs;
use crate::globals::Globals;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Lists the backups of a container, by name.
    ///
    /// Reads the plain header of each; no recovery key and no server are needed.
    #[command(after_help = "Examples:\n  \
        evergate backups list --storage-account corpbackups --container nightly\n  \
        evergate backups list --storage-url file:///mnt/backups --container nightly -o json\n\n\
        The access key is taken from EVERGATE_STORAGE_KEY, or asked for; a folder's own key is\n\
        read from the folder.")]
    List {
        #[command(flatten)]
        storage: StorageArgs,
    },
    /// Shows what a backup says about itself; no recovery key is needed.
    #[command(
        after_help = "Example:\n  evergate backups show night --storage-account corpbackups --container nightly"
    )]
    Show {
        /// The backup.
        name: String,
        #[command(flatten)]
        storage: StorageArgs,
    },
    /// Reads a whole backup, checks every byte of it and says what that proves.
    #[command(after_help = "Examples:\n  \
        evergate backups verify night --storage-account corpbackups --container nightly \\\n      \
        --recovery-key recovery.key\n  \
        evergate backups verify night --storage-url file:///mnt/backups --container nightly \\\n      \
        --without-key\n\n\
        Exit code 0 means that everything held.")]
    Verify {
        /// The backup.
        name: String,
        #[command(flatten)]
        storage: StorageArgs,
        /// A file with a recovery key; may be given more than once.
        #[arg(long, value_name = "FILE", required_unless_present = "without_key")]
        recovery_key: Vec<PathBuf>,
        /// Check only what can be checked where the key must not be: that the file is as it was written.
        #[arg(long, conflicts_with = "recovery_key")]
        without_key: bool,
    },
}

pub(crate) async fn run(args: Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let now = jiff::Timestamp::now();
    let text = match args.command {
        Command::List { storage } => {
            let listed = evergate_recovery::list(&storage.open()?).await?;
            show::list(&listed, now, globals.output)?
        }
        Command::Show { name, storage } => {
            let (header, bytes) = evergate_recovery::show(&storage.open()?, &name).await.map_err(plain)?;
            show::header(&name, &header, bytes, now, globals.output)?
        }
        Command::Verify { name, storage, recovery_key, .. } => {
            let keys = recovery_key.iter().map(read_key).collect::<anyhow::Result<Vec<_>>>()?;
            let container = storage.open()?;
            let bar = progress_bar();
            let arrived = |done, total| {
                bar.set_length(total);
                bar.set_position(done);
            };
            let finding =
                evergate_recovery::verify(&container, &name, keys, &std::env::temp_dir(), arrived).await;
            bar.finish_and_clear();
            show::finding(&name, &finding.map_err(plain)?, now, globals.output)?
        }
    };
    print_line(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// What the storage said is told by itself, so that the exit code can follow from it.
fn plain(error: CatalogueError) -> anyhow::Error {
    match error {
        CatalogueError::Storage(error) => error.into(),
        error => error.into(),
    }
}

fn read_key(path: &PathBuf) -> anyhow::Result<RecoveryKey> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    RecoveryKey::parse(&text).with_context(|| path.display().to_string())
}

/// Drawn on standard error, and only when that is a terminal.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} reading {bytes} of {total_bytes} ({bytes_per_sec})")
    {
        bar.set_style(style);
    }
    bar
}
