//! The Azure CLI loses a region and gets its service back in another one.

use evergate_tests::command_line::{CommandLine, Run};
use evergate_tests::{Server, Upstream};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::lab::{PETS, SharedStorage};

async fn az(cli: &CommandLine, command: &str) -> anyhow::Result<Value> {
    cli.run(&split(command)).await?.json()
}

async fn failing(cli: &CommandLine, command: &str) -> anyhow::Result<Run> {
    let run = cli.run(&split(command)).await?;
    assert_eq!(run.code, Some(1), "{command}: {}{}", run.output, run.error);
    Ok(run)
}

fn split(command: &str) -> Vec<&str> {
    command.split_whitespace().collect()
}

/// `az apim backup|restore` of a service.
fn recovery(verb: &str, service: &str, backup: &str, server: &Server) -> String {
    format!(
        "apim {verb} -g rg1 -n {service} --backup-name {backup} --storage-account-name {} \
         --storage-account-container {} --storage-account-key {}",
        SharedStorage::ACCOUNT,
        SharedStorage::CONTAINER,
        server.bootstrap.access_key
    )
}

const CREATE: &str = "--publisher-email a@b.example --publisher-name Lab --sku-name";

#[tokio::test]
async fn the_azure_cli_loses_a_region_and_recovers() -> anyhow::Result<()> {
    let storage = SharedStorage::create()?;
    let upstream = Upstream::start().await?;
    let one = storage.region("westeurope").start().await?;
    let cli = CommandLine::azure(&one.bootstrap).await?;
    let description = cli.home().join("pets.yaml");
    std::fs::write(&description, PETS)?;

    az(&cli, "group create -n rg1 -l westeurope").await?;
    let created = az(&cli, &format!("apim create -g rg1 -n svc1 -l westeurope {CREATE} Developer")).await?;
    assert_eq!((&created["name"], &created["location"]), (&json!("svc1"), &json!("westeurope")));
    assert_eq!(az(&cli, "apim list -g rg1").await?.as_array().map(Vec::len), Some(1));
    assert_eq!(az(&cli, "apim show -g rg1 -n svc1").await?["sku"]["name"], "Developer");
    let import = format!(
        "apim api import -g rg1 --service-name svc1 --path pets --api-id pets --service-url {} \
         --specification-format OpenApi --specification-path {}",
        upstream.url(),
        description.display()
    );
    assert_eq!(az(&cli, &import).await?["displayName"], "Pets");
    let listed = az(&cli, "apim api list -g rg1 --service-name svc1").await?;
    assert_eq!(listed[0]["name"], "pets", "{listed}");
    let operations = az(&cli, "apim api operation list -g rg1 --service-name svc1 --api-id pets").await?;
    assert_eq!(operations.as_array().map(Vec::len), Some(3), "{operations}");
    let product = "apim product create -g rg1 --service-name svc1 --product-id starter --product-name Starter \
                   --subscription-required true --approval-required false --state published";
    assert_eq!(az(&cli, product).await?["name"], "starter");
    let in_product = "-g rg1 --service-name svc1 --product-id starter --api-id pets";
    az(&cli, &format!("apim product api add {in_product}")).await?;
    let named = "apim nv create -g rg1 --service-name svc1 --named-value-id token --display-name token \
                 --value s3cret --secret true";
    az(&cli, named).await?;
    az(&cli, &recovery("backup", "svc1", "b1", &one)).await?;
    assert!(storage.file("b1").exists());

    let two = storage.second_region("northeurope", &one).start().await?;
    drop(one);
    let cli = CommandLine::azure(&two.bootstrap).await?;
    az(&cli, "group create -n rg1 -l northeurope").await?;
    az(&cli, &format!("apim create -g rg1 -n svc1 -l northeurope {CREATE} Developer")).await?;
    let restored = az(&cli, &recovery("restore", "svc1", "b1", &two)).await?;
    assert_eq!(restored["location"], "North Europe".to_lowercase().replace(' ', ""), "{restored}");
    let listed = az(&cli, "apim api list -g rg1 --service-name svc1").await?;
    assert_eq!(listed[0]["serviceUrl"], upstream.url(), "{listed}");
    let secret = "apim nv show-secret -g rg1 --service-name svc1 --named-value-id token";
    assert_eq!(az(&cli, secret).await?["value"], "s3cret");
    az(&cli, &format!("apim product api check {in_product}")).await?;

    az(&cli, &format!("apim create -g rg1 -n svc2 -l northeurope {CREATE} Standard")).await?;
    let refused = failing(&cli, &recovery("restore", "svc2", "b1", &two)).await?;
    let message = "(RestoreFailed) Cannot restore: current SKU is 'Standard', backup SKU is 'Developer'";
    assert!(refused.error.contains(message), "{}", refused.error);
    Ok(())
}

#[tokio::test]
async fn the_azure_cli_says_that_a_backup_has_expired() -> anyhow::Result<()> {
    let storage = SharedStorage::create()?;
    let past = storage.region("westeurope").clock_days_behind(31).start().await?;
    let management = past.management().await?;
    management.create_service("svc1", "westeurope", "Developer").await?;
    let done = management.run("svc1", "backup", &storage.request(&past.bootstrap, "old")).await?;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    let present = past.restart_with(storage.region("westeurope")).await?;
    let cli = CommandLine::azure(&present.bootstrap).await?;
    let command = recovery("restore", "svc1", "old", &present).replace("-g rg1", "-g rg");
    let refused = failing(&cli, &command).await?;
    assert!(refused.error.contains("(RestoreFailed) Cannot restore: backup expired"), "{}", refused.error);
    Ok(())
}
