//! `evergate` itself, as scripts use it: sign in, back up, look, restore, undo; and its exit codes.

use evergate_tests::Upstream;
use evergate_tests::command_line::{CommandLine, Run};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::lab::{SharedStorage, assert_same, everything, publish};

async fn evergate(cli: &CommandLine, arguments: &[&str]) -> anyhow::Result<Value> {
    cli.run(arguments).await?.json()
}

async fn failing(cli: &CommandLine, code: i32, arguments: &[&str], message: &str) -> anyhow::Result<Run> {
    let run = cli.run(arguments).await?;
    assert_eq!(run.code, Some(code), "{}\n{}{}", run.command, run.output, run.error);
    assert!(run.error.contains(message), "'{}' does not say '{message}'", run.error);
    Ok(run)
}

#[tokio::test]
async fn a_service_is_backed_up_restored_and_undone_by_scripts() -> anyhow::Result<()> {
    let storage = SharedStorage::create()?;
    let upstream = Upstream::start().await?;
    let server = storage.region("westeurope").start().await?;
    let management = server.management().await?;
    management.create_service("svc", "westeurope", "Developer").await?;
    publish(&management, "svc", upstream.url()).await?;
    let saved = everything(&management, "svc").await?;

    let mut cli = CommandLine::evergate(&server.bootstrap).await?;
    cli.set("EVERGATE_STORAGE_KEY", &server.bootstrap.access_key);
    let bootstrap = server.data().join("bootstrap.json").display().to_string();
    evergate(&cli, &["login", "--bootstrap", &bootstrap]).await?;
    let service = ["-g", "rg", "-n", "svc"];
    let place = ["--storage-account", SharedStorage::ACCOUNT, "--container", SharedStorage::CONTAINER];
    let operation = |verb, name| [&[verb, "--backup-name", name][..], &service, &place].concat();
    evergate(&cli, &operation("backup", "night")).await?;
    assert!(storage.file("night").exists());

    let url = storage.url();
    let offline = ["--storage-url", &url, "--container", SharedStorage::CONTAINER];
    let listed = evergate(&cli, &[&["backups", "list"][..], &offline].concat()).await?;
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    let shown = evergate(&cli, &[&["backups", "show", "night"][..], &offline].concat()).await?;
    assert!(shown.to_string().contains("\"svc\""), "{shown}");
    let key = server.bootstrap.recovery_key_file.display().to_string();
    let verify = [&["backups", "verify", "night", "--recovery-key", &key][..], &offline].concat();
    evergate(&cli, &verify).await?;

    let path = format!("{}/namedValues/colour", management.service("svc"));
    management.put(&path, &json!({"properties": {"displayName": "colour", "value": "red"}})).await?;
    let changed = everything(&management, "svc").await?;
    evergate(&cli, &operation("restore", "night")).await?;
    assert_same(&saved, &everything(&management, "svc").await?);
    evergate(&cli, &[&["undo", "--plan"][..], &service].concat()).await?;
    assert_same(&saved, &everything(&management, "svc").await?);
    evergate(&cli, &[&["undo", "--yes"][..], &service].concat()).await?;
    assert_same(&changed, &everything(&management, "svc").await?);

    let missing = "Cannot restore: backup 'never' does not exist";
    failing(&cli, 1, &operation("restore", "never"), missing).await?;
    let elsewhere = [&["backup", "--backup-name", "x", "-g", "rg", "-n", "none"][..], &place].concat();
    failing(&cli, 4, &elsewhere, "none").await?;
    failing(&cli, 2, &["backup", "--nonsense"], "--nonsense").await?;
    let mut file = std::fs::read(storage.file("night"))?;
    let last = file.len() - 100;
    file[last] ^= 1;
    std::fs::write(storage.file("night"), file)?;
    failing(&cli, 1, &verify, "").await?;
    Ok(())
}

#[tokio::test]
async fn an_application_gets_its_token_and_no_more_than_its_rights() -> anyhow::Result<()> {
    let storage = SharedStorage::create()?;
    let mut server = storage.region("westeurope").start().await?;
    let management = server.management().await?;
    management.create_service("svc", "westeurope", "Developer").await?;
    let owner = CommandLine::evergate(&server.bootstrap).await?;
    let bootstrap = server.data().join("bootstrap.json").display().to_string();
    evergate(&owner, &["login", "--bootstrap", &bootstrap]).await?;

    let create = ["app", "create", "--display-name", "Nightly", "--type", "confidential"];
    let application = evergate(&owner, &create).await?;
    let id = application["appId"].as_str().unwrap_or_default().to_owned();
    let secret = application["clientSecret"].as_str().unwrap_or_default().to_owned();
    assert!(!id.is_empty() && !secret.is_empty(), "{application}");
    let listed = evergate(&owner, &["app", "list"]).await?;
    assert!(listed.to_string().contains("Nightly"), "{listed}");

    let mut nightly = CommandLine::evergate(&server.bootstrap).await?;
    nightly.set("EVERGATE_CLIENT_SECRET", &secret);
    nightly.set("EVERGATE_STORAGE_KEY", &server.bootstrap.access_key);
    let login = ["login", "--service-principal", "-u", &id, "--tenant", &server.bootstrap.tenant_id];
    failing(&nightly, 3, &login, "").await?;
    let role = "API Management Service Operator Role";
    evergate(&owner, &["app", "grant", &id, "--role", role]).await?;
    evergate(&nightly, &login).await?;
    let token = evergate(&nightly, &["token"]).await?;
    let token = token["accessToken"].as_str().unwrap_or_default();
    let operator = management.with_token(token);
    let apis = operator.get(&format!("{}/apis", management.service("svc"))).await?;
    assert_eq!((apis.status, apis.code()), (StatusCode::FORBIDDEN, "AuthorizationFailed"), "{}", apis.body);
    let place = ["--storage-account", SharedStorage::ACCOUNT, "--container", SharedStorage::CONTAINER];
    let backup = [&["backup", "-g", "rg", "-n", "svc", "--backup-name", "night"][..], &place].concat();
    evergate(&nightly, &backup).await?;

    server.terminate().await?;
    failing(&nightly, 6, &backup, "").await?;
    Ok(())
}
