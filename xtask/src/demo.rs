//! `cargo xtask demo`: a region is lost, its service comes back in another one, and callers' keys still work.

mod publish;
mod timeline;
mod traffic;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use evergate_tests::command_line::CommandLine;
use evergate_tests::management::storage_request;
use evergate_tests::{Management, Server, ServerOptions, Upstream};
use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use publish::{CALL, SERVICE};
use timeline::Timeline;
use traffic::Traffic;

const CONTAINER: &str = "nightly";
const BACKUP: &str = "harbour-1";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leaves the second region running until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(demo(args))
}

async fn demo(args: &Args) -> anyhow::Result<()> {
    let mut timeline = Timeline::start();
    let upstream = Upstream::start().await?;
    let mut regions = Regions::start(&mut timeline).await?;
    let management = regions.one.management().await?;
    timeline.say("signed in to westeurope with a token of its own directory")?;
    let key = publish::publish(&management, upstream.url()).await?;
    timeline.say("created service 'harbour' and imported its OpenAPI description, 7 operations")?;
    timeline.more("published it in product 'pilots', subscribed, and took the subscription's key")?;
    check_call(&mut timeline, "westeurope", &regions.one, &key).await?;

    let traffic = Traffic::start(regions.one.gateway()?, SERVICE, CALL, &key);
    let request = regions.request();
    let recovery_point = back_up(&mut timeline, &regions, &management, &request).await?;
    let lost = lose(&mut timeline, &mut regions, &traffic).await?;

    let management = regions.two.management().await?;
    management.create_service(SERVICE, "northeurope", "Developer").await?;
    timeline.say("created an empty 'harbour' of the same SKU in northeurope")?;
    let restored = management.run(SERVICE, "restore", &request).await?;
    ensure!(restored.status == StatusCode::OK, "the restore failed: {}", restored.message());
    timeline.say("restored it from the backup: verified, loaded beside the empty one, swapped in")?;
    traffic.move_to(regions.two.gateway()?);
    let recovered = traffic.wait_until_answering().await?;
    timeline.say("moved the name to northeurope, as DNS would: callers get answers")?;
    check_call(&mut timeline, "northeurope", &regions.two, &key).await?;
    let late = management.get(&format!("{}/namedValues/late", management.service(SERVICE))).await?;
    ensure!(late.status == StatusCode::NOT_FOUND, "the change after the backup is there: {}", late.body);
    timeline.more("the change made after the backup is lost, as the recovery point says")?;

    let counted = traffic.stop().await?;
    timeline.blank()?;
    let meaning = "from the moment the backup stands for to the loss";
    timeline.result("recovery point", lost.duration_since(recovery_point), meaning)?;
    let meaning = "from the loss to the first answer, with the same key";
    timeline.result("recovery time", recovered.duration_since(lost), meaning)?;
    timeline.note(&format!(
        "callers got {} answers and {} failures, all failures between loss and recovery",
        counted.answered, counted.failed
    ))?;
    ensure!(counted.failed_otherwise == 0, "{} calls failed outside the outage", counted.failed_otherwise);
    if args.keep {
        let data = regions.two.data().display();
        timeline.blank()?;
        timeline.note(&format!(
            "northeurope runs on; sign in with: evergate login --bootstrap {data}/bootstrap.json"
        ))?;
        timeline.note("Ctrl-C ends it and removes its data")?;
        tokio::signal::ctrl_c().await?;
    }
    Ok(())
}

/// Two servers that share one storage account and know one recovery key.
struct Regions {
    one: Server,
    two: Server,
    storage_url: String,
    _storage: TempDir,
}

impl Regions {
    async fn start(timeline: &mut Timeline) -> anyhow::Result<Self> {
        let storage = TempDir::with_prefix("evergate-demo-storage-")?;
        let url = format!("file://{}", storage.path().display());
        let one = ServerOptions::region("westeurope").storage_account("sharedaccount", &url).start().await?;
        timeline.say(&format!("westeurope runs at {}", one.bootstrap.management_endpoint))?;
        let two = ServerOptions::region("northeurope")
            .storage_account("sharedaccount", &url)
            .recovery_key(&one.bootstrap.recovery_key_file)
            .start()
            .await?;
        let endpoint = &two.bootstrap.management_endpoint;
        timeline.say(&format!("northeurope runs at {endpoint}, with westeurope's recovery key"))?;
        let container = ["storage", "container", "create", CONTAINER, "--storage-url", &url];
        CommandLine::evergate_offline().await?.run(&container).await?.json()?;
        Ok(Self { one, two, storage_url: url, _storage: storage })
    }

    /// The body of backup and restore requests.
    fn request(&self) -> Value {
        let bootstrap = &self.one.bootstrap;
        storage_request(&bootstrap.storage_account, &bootstrap.access_key, CONTAINER, BACKUP)
    }
}

/// Backs up, changes one thing more, and returns the moment that the backup stands for.
async fn back_up(
    timeline: &mut Timeline,
    regions: &Regions,
    management: &Management,
    request: &Value,
) -> anyhow::Result<Timestamp> {
    let backup = management.run(SERVICE, "backup", request).await?;
    ensure!(backup.status == StatusCode::OK, "the backup failed: {}", backup.message());
    timeline.say("backed 'harbour' up to the shared storage account, sealed to the recovery key")?;
    let show = ["backups", "show", BACKUP, "--storage-url", &regions.storage_url, "--container", CONTAINER];
    let header = CommandLine::evergate_offline().await?.run(&show).await?.json()?;
    let moment = header["createdAt"].as_str().context("the backup does not say when it was made")?;
    // Time goes by in westeurope, and its configuration with it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let late = json!({"properties": {"displayName": "late", "value": "made after the backup"}});
    management.put(&format!("{}/namedValues/late", management.service(SERVICE)), &late).await?;
    timeline.say("changed one more thing in westeurope, after the backup")?;
    Ok(moment.parse()?)
}

/// Kills the first region, and returns when.
async fn lose(
    timeline: &mut Timeline,
    regions: &mut Regions,
    traffic: &Traffic,
) -> anyhow::Result<Timestamp> {
    traffic.expect_outage();
    let lost = Timestamp::now();
    regions.one.kill().await?;
    timeline.say("LOST westeurope: its process was killed, its data is not used again")?;
    traffic.wait_until_failing().await?;
    timeline.say("callers get no answer")?;
    Ok(lost)
}

async fn check_call(timeline: &mut Timeline, region: &str, server: &Server, key: &str) -> anyhow::Result<()> {
    let answer = server.gateway()?.get_until(SERVICE, CALL, key, StatusCode::OK).await?;
    publish::check_answer(&answer)?;
    timeline.say(&format!("GET {CALL} with the key, through {region}: 200 OK"))?;
    timeline.more("the back end saw it, with the header that the policy makes of a secret named value")?;
    Ok(())
}
