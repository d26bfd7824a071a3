//! What `backup` and `restore` have in common: one request, accepted, and waited for.

mod report;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::client::{Client, Waited};
use crate::cmd::storage::access::access_key;
use crate::globals::Globals;

/// Sent to every endpoint; the one that the original's own command line sends.
pub(in crate::cmd) const API_VERSION: &str = "2022-08-01";

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::cmd) enum Verb {
    Backup,
    Restore,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Restore => "restore",
        }
    }
}

/// The service a command is about.
#[derive(clap::Args)]
pub(in crate::cmd) struct ServiceArgs {
    /// The resource group of the service.
    #[arg(long, short = 'g', value_name = "NAME")]
    resource_group: String,
    /// The service.
    #[arg(long, short = 'n', alias = "service-name", value_name = "NAME")]
    name: String,
}

/// Which service, and which backup.
#[derive(clap::Args)]
pub(in crate::cmd) struct OperationArgs {
    #[command(flatten)]
    service: ServiceArgs,
    /// The storage account, by the name that the server knows it by.
    #[arg(long, value_name = "NAME")]
    storage_account: String,
    /// The container; it must exist.
    #[arg(long, value_name = "NAME")]
    container: String,
    /// The backup.
    #[arg(long, value_name = "NAME")]
    backup_name: String,
    /// Open the account with the service's managed identity instead of a key: `system`, or the client id
    /// of a user-assigned one.
    #[arg(long, value_name = "ID")]
    identity: Option<String>,
    /// Return as soon as the server has accepted the request.
    #[arg(long)]
    no_wait: bool,
}

impl ServiceArgs {
    /// The path of something below the service, encoded and with the api-version.
    pub(in crate::cmd) async fn path(&self, client: &mut Client, below: &str) -> anyhow::Result<String> {
        let mut url = url::Url::parse("https://unused")?;
        let subscription = client.subscription().await?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(["subscriptions", &subscription, "resourceGroups", &self.resource_group]);
            segments.extend(["providers", "Microsoft.ApiManagement", "service", &self.name, below]);
        }
        Ok(format!("{}?api-version={API_VERSION}", url.path()))
    }

    pub(in crate::cmd) fn name(&self) -> &str {
        &self.name
    }
}

pub(in crate::cmd) async fn run(
    verb: Verb,
    args: OperationArgs,
    globals: &Globals,
) -> anyhow::Result<ExitCode> {
    let body = body(&args)?;
    let mut client = Client::connect(globals).await?;
    let path = args.service.path(&mut client, verb.word()).await?;
    let started = Instant::now();
    let accepted = client.post(&path, &body).await?;
    let Some(location) = accepted.location.clone() else {
        // Nothing to wait for: it was done at once.
        report::done(verb, &args, &accepted.body, None, started.elapsed(), globals.output)?;
        return Ok(ExitCode::SUCCESS);
    };
    if args.no_wait {
        report::accepted(verb, &args, &location, globals.output)?;
        return Ok(ExitCode::SUCCESS);
    }
    let spinner = spinner(doing(verb, &args, &Waited { elapsed: Duration::ZERO, body: Value::Null }));
    let ended = client.poll(accepted, |waited| spinner.set_message(doing(verb, &args, waited))).await;
    spinner.finish_and_clear();
    let service = ended?;
    let found = details(&mut client, &args.service, &location).await;
    report::done(verb, &args, &service, found.as_ref(), started.elapsed(), globals.output)?;
    Ok(ExitCode::SUCCESS)
}

fn body(args: &OperationArgs) -> anyhow::Result<Value> {
    let mut body = json!({
        "storageAccount": args.storage_account,
        "containerName": args.container,
        "backupName": args.backup_name,
    });
    match args.identity.as_deref() {
        None => {
            body["accessType"] = json!("AccessKey");
            body["accessKey"] = json!(access_key(&args.storage_account)?.expose());
        }
        Some("system") => body["accessType"] = json!("SystemAssignedManagedIdentity"),
        Some(client_id) => {
            body["accessType"] = json!("UserAssignedManagedIdentity");
            body["clientId"] = json!(client_id);
        }
    }
    Ok(body)
}

/// The report of the operation, from a server that keeps one; the public cloud does not.
async fn details(client: &mut Client, service: &ServiceArgs, location: &str) -> Option<Value> {
    let id = location.split('?').next()?.rsplit('/').next()?;
    let path = service.path(client, "operations").await.ok()?;
    let operations = client.get(&path).await.ok()?;
    let operations = operations.get("value")?.as_array()?;
    operations.iter().find(|operation| operation["id"] == id)?.get("result").cloned()
}

/// Drawn on standard error, and only when that is a terminal.
fn spinner(message: String) -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        spinner.set_style(style);
    }
    spinner.set_message(message);
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}

/// What is under way, with how far it is where the endpoint says so.
fn doing(verb: Verb, args: &OperationArgs, waited: &Waited) -> String {
    let doing = match verb {
        Verb::Backup => "backing up",
        Verb::Restore => "restoring",
    };
    let percent = match waited.body["percentComplete"].as_f64() {
        Some(percent) => format!(" {percent:.0} %"),
        None if waited.elapsed > Duration::from_mins(5) => {
            ", which can take half an hour and more".to_owned()
        }
        None => String::new(),
    };
    format!("{doing} {}{percent}", args.service.name())
}
