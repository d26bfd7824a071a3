//! `evergate storage`: the containers of a folder account.

pub(super) mod access;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use evergate_recovery::{AccountLocation, FolderAccount};
use serde_json::json;

use super::backup::print_line;
use crate::globals::{Globals, Output};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Creates and lists containers of a local folder account.
    ///
    /// Containers of Azure Blob and S3-compatible accounts are made with those services' own tools.
    Container(ContainerArgs),
}

#[derive(clap::Args)]
struct ContainerArgs {
    #[command(subcommand)]
    command: ContainerCommand,
}

#[derive(clap::Subcommand)]
enum ContainerCommand {
    /// Creates a container; one that exists already is left as it is.
    #[command(after_help = "Examples:\n  \
        evergate storage container create backups --data-dir /var/lib/evergate\n  \
        evergate storage container create backups --storage-url file:///mnt/backups")]
    Create {
        /// The container: 3 to 63 lower-case letters, digits and hyphens.
        name: String,
        #[command(flatten)]
        account: AccountArgs,
    },
    /// Lists the containers.
    #[command(
        after_help = "Example:\n  evergate storage container list --data-dir /var/lib/evergate -o json"
    )]
    List {
        #[command(flatten)]
        account: AccountArgs,
    },
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct AccountArgs {
    /// The account's folder, as `file:///folder`.
    #[arg(long, value_name = "URL")]
    storage_url: Option<AccountLocation>,
    /// A server's data directory, for the account that it embeds.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[expect(clippy::unused_async, reason = "every client command is run the same way")]
pub(crate) async fn run(args: Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let Command::Container(container) = args.command;
    match container.command {
        ContainerCommand::Create { name, account } => create(&open(&account)?, &name, globals.output),
        ContainerCommand::List { account } => list(&open(&account)?, globals.output),
    }
}

fn open(args: &AccountArgs) -> anyhow::Result<FolderAccount> {
    let folder = match (&args.storage_url, &args.data_dir) {
        (Some(AccountLocation::Folder(folder)), _) => folder.clone(),
        (Some(other), _) => anyhow::bail!(
            "{other} is not a folder: make its containers with the storage service's own tools, for example \
             `az storage container create`"
        ),
        (None, Some(data)) => data.join("storage"),
        (None, None) => anyhow::bail!("give --storage-url or --data-dir"),
    };
    Ok(FolderAccount::open(&absolute(&folder)?)?)
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is not a path", path.display()))
}

fn create(account: &FolderAccount, name: &str, output: Output) -> anyhow::Result<ExitCode> {
    let created = account.create_container(name)?;
    let folder = account.root().display();
    print_line(&match output {
        Output::Json => json!({ "name": name, "created": created }).to_string(),
        Output::Table if created => format!("Container '{name}' was created in {folder}."),
        Output::Table => format!("Container '{name}' exists already in {folder}."),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn list(account: &FolderAccount, output: Output) -> anyhow::Result<ExitCode> {
    let names = account.containers()?;
    match output {
        Output::Json => {
            let list: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
            print_line(&serde_json::to_string_pretty(&list)?)?;
        }
        Output::Table if names.is_empty() => {}
        Output::Table => print_line(&names.join("\n"))?,
    }
    Ok(ExitCode::SUCCESS)
}
