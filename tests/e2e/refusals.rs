//! Every failure of a backup or restore has its own message, and leaves the service as it was.

use std::fs;

use evergate_tests::{Answer, Management, Upstream};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::lab::{SharedStorage, assert_same, everything, publish};

fn check(answer: &Answer, status: StatusCode, code: &str, message: &str) {
    assert_eq!((answer.status, answer.code()), (status, code), "{}", answer.body);
    assert!(answer.message().contains(message), "'{}' does not say '{message}'", answer.message());
}

async fn restore(
    management: &Management,
    request: &Value,
    status: StatusCode,
    message: &str,
) -> anyhow::Result<()> {
    check(&management.run("svc", "restore", request).await?, status, "RestoreFailed", message);
    Ok(())
}

fn changed(request: &Value, key: &str, value: &str) -> Value {
    let mut request = request.clone();
    request[key] = value.into();
    request
}

#[tokio::test]
async fn what_cannot_be_done_is_said_and_changes_nothing() -> anyhow::Result<()> {
    let storage = SharedStorage::create()?;
    let upstream = Upstream::start().await?;
    let one = storage.region("westeurope").start().await?;
    let management = one.management().await?;
    management.create_service("svc", "westeurope", "Developer").await?;
    publish(&management, "svc", upstream.url()).await?;
    let good = storage.request(&one.bootstrap, "good");
    let done = management.run("svc", "backup", &good).await?;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    let before = everything(&management, "svc").await?;

    let bad = StatusCode::BAD_REQUEST;
    for verb in ["backup", "restore"] {
        let code = if verb == "backup" { "BackupFailed" } else { "RestoreFailed" };
        let missing = changed(&good, "containerName", "elsewhere");
        let answer = management.run("svc", verb, &missing).await?;
        check(&answer, bad, code, "container 'elsewhere' does not exist");
        let wrong = changed(&good, "accessKey", "bm90IHRoZSBrZXk=");
        check(&management.run("svc", verb, &wrong).await?, bad, code, "the access key of storage account");
        let incomplete = json!({"storageAccount": SharedStorage::ACCOUNT});
        let answer = management.run("svc", verb, &incomplete).await?;
        assert_eq!(answer.status, bad, "{}", answer.body);
    }
    restore(&management, &changed(&good, "backupName", "never"), bad, "backup 'never' does not exist")
        .await?;

    let whole = fs::read(storage.file("good"))?;
    fs::write(storage.file("cut"), &whole[..whole.len() * 2 / 3])?;
    restore(&management, &changed(&good, "backupName", "cut"), bad, "Cannot restore: ").await?;
    let mut flipped = whole.clone();
    let middle = flipped.len() - flipped.len() / 4;
    flipped[middle] ^= 1;
    fs::write(storage.file("flipped"), &flipped)?;
    restore(&management, &changed(&good, "backupName", "flipped"), bad, "Cannot restore: ").await?;
    fs::write(storage.file("letter"), "Dear backup,")?;
    restore(&management, &changed(&good, "backupName", "letter"), bad, "Cannot restore: ").await?;

    management.create_service("bigger", "westeurope", "Standard").await?;
    let answer = management.run("bigger", "restore", &good).await?;
    let message = "Cannot restore: current SKU is 'Standard', backup SKU is 'Developer'";
    check(&answer, StatusCode::CONFLICT, "RestoreFailed", message);
    assert_eq!(answer.message(), message);

    assert_same(&before, &everything(&management, "svc").await?);
    Ok(())
}

#[tokio::test]
async fn a_backup_expires_after_thirty_days() -> anyhow::Result<()> {
    let storage = SharedStorage::create()?;
    let past = storage.region("westeurope").clock_days_behind(31).start().await?;
    let management = past.management().await?;
    management.create_service("svc", "westeurope", "Developer").await?;
    let request = storage.request(&past.bootstrap, "old");
    let done = management.run("svc", "backup", &request).await?;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    let still_good = management.run("svc", "restore", &request).await?;
    assert_eq!(still_good.status, StatusCode::OK, "{}", still_good.body);

    let present = past.restart_with(storage.region("westeurope")).await?;
    let management = present.management().await?;
    let answer = management.run("svc", "restore", &request).await?;
    check(&answer, StatusCode::BAD_REQUEST, "RestoreFailed", "Cannot restore: backup expired");
    assert_eq!(answer.message(), "Cannot restore: backup expired");
    Ok(())
}

#[tokio::test]
async fn a_region_without_the_recovery_key_names_the_key_it_needs() -> anyhow::Result<()> {
    let storage = SharedStorage::create()?;
    let one = storage.region("westeurope").start().await?;
    let management = one.management().await?;
    management.create_service("svc", "westeurope", "Developer").await?;
    let request = storage.request(&one.bootstrap, "sealed");
    let done = management.run("svc", "backup", &request).await?;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);

    let stranger = storage.region("northeurope").start().await?;
    let elsewhere = stranger.management().await?;
    elsewhere.create_service("svc", "northeurope", "Developer").await?;
    let message = "start the server with --recovery-key";
    restore(&elsewhere, &request, StatusCode::BAD_REQUEST, message).await?;

    let friend = stranger.restart_with(storage.second_region("northeurope", &one)).await?;
    let done = friend.management().await?.run("svc", "restore", &request).await?;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    Ok(())
}

#[tokio::test]
async fn requests_without_a_right_are_refused() -> anyhow::Result<()> {
    let server = evergate_tests::ServerOptions::region("westeurope").start().await?;
    let management = server.management().await?;
    let path = management.service("svc");
    let stranger = management.with_token("not.a.token");
    let answer = stranger.get(&path).await?;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.header("www-authenticate").starts_with("Bearer"), "{:?}", answer.headers);
    let answer = management.get(&path).await?;
    assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, "ResourceNotFound"));
    let answer = management.get(&format!("{path}?api-version=1999-01-01")).await?;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.message().contains("2018-06-01-preview"), "{}", answer.message());
    Ok(())
}
