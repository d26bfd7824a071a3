//! The commands, one file a verb.

mod app;
mod backup;
mod backups;
mod completions;
mod login;
mod restore;
mod serve;
mod storage;
mod token;
mod undo;

use std::process::ExitCode;

use clap::Subcommand;

use crate::globals::Globals;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Runs the service: management API, directory, gateway and storage.
    Serve(serve::Args),
    /// Manages containers of a storage account.
    Storage(storage::Args),
    /// Signs in to a management endpoint.
    Login(login::Args),
    /// Prints an access token.
    Token(token::Args),
    /// Manages application registrations.
    App(app::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    /// Lists, shows and verifies backups.
    Backups(backups::Args),
    Undo(undo::Args),
    /// Prints shell completions.
    Completions(completions::Args),
}

pub(crate) fn run(command: Command, globals: &Globals) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(args),
        Command::Completions(args) => Ok(completions::run(&args)),
        command => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(run_client(command, globals)),
    }
}

async fn run_client(command: Command, globals: &Globals) -> anyhow::Result<ExitCode> {
    match command {
        Command::Storage(args) => storage::run(args, globals).await,
        Command::Login(args) => login::run(args, globals).await,
        Command::Token(args) => token::run(args, globals).await,
        Command::App(args) => app::run(args, globals).await,
        Command::Backup(args) => backup::run(args, globals).await,
        Command::Restore(args) => restore::run(args, globals).await,
        Command::Backups(args) => backups::run(args, globals).await,
        Command::Undo(args) => undo::run(args, globals).await,
        Command::Serve(_) | Command::Completions(_) => unreachable!("run() takes these"),
    }
}
