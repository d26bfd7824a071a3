//! `cargo xtask demo`: a region is lost, its service comes back in another one, and callers' keys still work.

mod timeline;
mod traffic;

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use evergate_tests::management::storage_request;
use evergate_tests::{Management, Server, ServerOptions, Upstream, command_line::CommandLine};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use timeline::Timeline;
use traffic::Traffic;

/// A description of the size and shape of a real one, written for this demo.
const DESCRIPTION: &str = include_str!("../demo/harbour.yaml");

/// What callers see of it.
const SERVICE: &str = "harbour";
const CALL: &str = "/port/berths/A7/arrivals?from=2026-01-01";

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
    let storage = TempDir::with_prefix("evergate-demo-storage-")?;
    let upstream = Upstream::start().await?;
    let mut timeline = Timeline::start();

    let (mut one, two) = regions(storage.path()).await?;
    timeline.say(&format!("two regions run: westeurope at {}", one.bootstrap.management_endpoint))?;
    timeline.more(&format!(
        "northeurope at {}, which has westeurope's recovery key",
        two.bootstrap.management_endpoint
    ))?;
    let management = one.management().await?;
    timeline.say("signed in to westeurope: a token of its own directory")?;
    let key = publish(&management, upstream.url()).await?;
    timeline.say("created service 'harbour', imported its OpenAPI description (7 operations)")?;
    timeline.more("published it in product 'pilots', subscribed, and have the subscription's key")?;
    let gateway = one.gateway()?;
    let answer = gateway.get_until(SERVICE, CALL, &key, StatusCode::OK).await?;
    show_call(&mut timeline, "westeurope", &answer)?;

    let traffic = Traffic::start(one.gateway()?, SERVICE, CALL, &key);
    let request =
        storage_request(&one.bootstrap.storage_account, &one.bootstrap.access_key, "dr", "harbour-1");
    let recovery_point = jiff::Timestamp::now();
    let backup = management.run(SERVICE, "backup", &request).await?;
    ensure!(backup.status == StatusCode::OK, "the backup failed: {}", backup.message());
    timeline.say("backed 'harbour' up to the shared storage account, sealed to the recovery key")?;
    tokio::time::sleep(Duration::from_secs(1)).await;

    traffic.expect_outage();
    one.kill().await?;
    let lost = jiff::Timestamp::now();
    timeline.say("LOST westeurope: its process was killed, its data is not used again")?;
    traffic.wait_until_failing().await?;
    timeline.say("callers get no answer")?;

    let management = two.management().await?;
    management.create_service(SERVICE, "northeurope", "Developer").await?;
    timeline.say("created an empty 'harbour' of the same SKU in northeurope")?;
    let restore = management.run(SERVICE, "restore", &request).await?;
    ensure!(restore.status == StatusCode::OK, "the restore failed: {}", restore.message());
    timeline.say("restored it from the backup: verified, loaded beside, swapped in")?;
    traffic.move_to(two.gateway()?);
    timeline.say("moved the name to northeurope, as DNS would")?;
    let recovered = traffic.wait_until_answering().await?;
    let answer = two.gateway()?.get_until(SERVICE, CALL, &key, StatusCode::OK).await?;
    show_call(&mut timeline, "northeurope", &answer)?;

    let counted = traffic.stop().await?;
    timeline.note("")?;
    timeline.result(
        "recovery point",
        lost.duration_since(recovery_point),
        "from the backup's moment to the loss",
    )?;
    timeline.result(
        "recovery time",
        recovered.duration_since(lost),
        "from the loss to the first answer with the same key",
    )?;
    timeline.note(&format!(
        "callers: {} answers, {} failures, all of them between the loss and the first answer",
        counted.answered, counted.failed
    ))?;
    ensure!(counted.failed_otherwise == 0, "{} calls failed outside the outage", counted.failed_otherwise);
    if args.keep {
        timeline.note(&format!(
            "northeurope runs on with data in {}; sign in with: . {}/bootstrap.env; Ctrl-C ends it",
            two.data().display(),
            two.data().display()
        ))?;
        tokio::signal::ctrl_c().await?;
    }
    Ok(())
}

/// Two servers that share one storage account and know one recovery key.
async fn regions(storage: &Path) -> anyhow::Result<(Server, Server)> {
    let url = format!("file://{}", storage.display());
    let one = ServerOptions::region("westeurope").storage_account("sharedaccount", &url).start().await?;
    let two = ServerOptions::region("northeurope")
        .storage_account("sharedaccount", &url)
        .recovery_key(&one.bootstrap.recovery_key_file)
        .start()
        .await?;
    let container = ["storage", "container", "create", "dr", "--storage-url", &url];
    CommandLine::evergate_offline().await?.run(&container).await?.json()?;
    Ok((one, two))
}

/// Creates and publishes everything, and returns the subscription's key.
async fn publish(management: &Management, upstream: &str) -> anyhow::Result<String> {
    management.create_service(SERVICE, "westeurope", "Developer").await?;
    let service = management.service(SERVICE);
    let put = async |path: &str, properties: Value| {
        management.put(&format!("{service}{path}"), &json!({"properties": properties})).await
    };
    put(
        "/apis/port",
        json!({
            "path": "port", "format": "openapi", "value": DESCRIPTION,
            "serviceUrl": upstream, "protocols": ["http", "https"],
        }),
    )
    .await?;
    put(
        "/namedValues/pilot-token",
        json!({"displayName": "pilot-token", "value": "tide-4711", "secret": true}),
    )
    .await?;
    let policy = "<policies><inbound><base /><set-header name=\"X-Pilot-Token\" exists-action=\"override\">\
         <value>{{pilot-token}}</value></set-header></inbound><backend><base /></backend>\
         <outbound><base /></outbound><on-error><base /></on-error></policies>";
    put("/apis/port/policies/policy", json!({"format": "xml", "value": policy})).await?;
    put(
        "/products/pilots",
        json!({"displayName": "Pilots", "subscriptionRequired": true, "state": "published"}),
    )
    .await?;
    management.put(&format!("{service}/products/pilots/apis/port"), &json!({})).await?;
    put(
        "/subscriptions/pilot-station",
        json!({"displayName": "Pilot station", "scope": "/products/pilots", "state": "active"}),
    )
    .await?;
    management.subscription_key(SERVICE, "pilot-station").await
}

fn show_call(timeline: &mut Timeline, region: &str, answer: &Value) -> anyhow::Result<()> {
    let token = answer["headers"]["x-pilot-token"].as_str();
    ensure!(token == Some("tide-4711"), "the policy's secret header did not reach the back end: {answer}");
    timeline.say(&format!(
        "GET {CALL} through {region}: 200, and the back end saw {} with the policy's secret header",
        answer["path"].as_str().unwrap_or_default()
    ))?;
    Ok(())
}
