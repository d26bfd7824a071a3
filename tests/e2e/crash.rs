//! A process that dies at any point of a backup or restore leaves the old state or the new one.

use evergate_tests::{Answer, Management, Server, Upstream, ready};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::lab::{SharedStorage, assert_same, everything, publish};

/// Sends the request to a server that dies of it, starts the server again, and waits for the operation's end.
async fn die_and_return(
    server: Server,
    verb: &str,
    request: &Value,
) -> anyhow::Result<(Server, Management, Answer)> {
    let management = server.management().await?;
    let accepted = management.post(&format!("{}/{verb}", management.service("svc")), request).await?;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.body);
    let location = accepted.header("location").to_owned();
    let path = location.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default();
    let mut server = server;
    assert!(!server.ended().await?.success(), "the server was to abort");
    let server = server.restart().await?;
    let management = server.management().await?;
    let end = ready::until("the end of the operation that was taken over", async || {
        let answer = management.get(&path).await?;
        Ok((answer.status != StatusCode::ACCEPTED).then_some(answer))
    })
    .await?;
    Ok((server, management, end))
}

async fn check_backup(point: &str) -> anyhow::Result<()> {
    let storage = SharedStorage::create()?;
    let upstream = Upstream::start().await?;
    let server = storage.region("westeurope").abort_at(point).start().await?;
    let management = server.management().await?;
    management.create_service("svc", "westeurope", "Developer").await?;
    publish(&management, "svc", upstream.url()).await?;
    let before = everything(&management, "svc").await?;
    let request = storage.request(&server.bootstrap, "night");
    let (server, management, end) = die_and_return(server, "backup", &request).await?;
    assert_same(&before, &everything(&management, "svc").await?);
    // A file under the backup's name is a whole backup, whatever became of the operation.
    if storage.file("night").exists() {
        let restored = management.run("svc", "restore", &request).await?;
        assert_eq!(restored.status, StatusCode::OK, "{point}: {}", restored.body);
        assert_same(&before, &everything(&management, "svc").await?);
    } else {
        assert_ne!(end.status, StatusCode::OK, "{point}: a backup that succeeded left no file");
    }
    let again = management.run("svc", "backup", &storage.request(&server.bootstrap, "again")).await?;
    assert_eq!(again.status, StatusCode::OK, "{point}: {}", again.body);
    Ok(())
}

async fn check_restore(point: &str) -> anyhow::Result<()> {
    let storage = SharedStorage::create()?;
    let upstream = Upstream::start().await?;
    let server = storage.region("westeurope").abort_at(point).start().await?;
    let management = server.management().await?;
    management.create_service("svc", "westeurope", "Developer").await?;
    let key = publish(&management, "svc", upstream.url()).await?;
    let new = everything(&management, "svc").await?;
    let request = storage.request(&server.bootstrap, "night");
    let done = management.run("svc", "backup", &request).await?;
    assert_eq!(done.status, StatusCode::OK, "{point}: {}", done.body);
    let path = format!("{}/namedValues/later", management.service("svc"));
    let later = json!({"properties": {"displayName": "later", "value": "1"}});
    management.put(&path, &later).await?;
    let old = everything(&management, "svc").await?;

    let (server, management, end) = die_and_return(server, "restore", &request).await?;
    let now = everything(&management, "svc").await?;
    let expected = if end.status == StatusCode::OK { &new } else { &old };
    assert_same(expected, &now);
    let again = management.run("svc", "restore", &request).await?;
    assert_eq!(again.status, StatusCode::OK, "{point}: {}", again.body);
    assert_same(&new, &everything(&management, "svc").await?);
    server.gateway()?.get_until("svc", "/pets/pets", &key, StatusCode::OK).await?;
    Ok(())
}

#[tokio::test]
async fn a_backup_that_dies_leaves_a_whole_file_or_none() -> anyhow::Result<()> {
    for point in ["backup.snapshot", "backup.staged", "backup.committed"] {
        check_backup(point).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_restore_that_dies_leaves_the_old_state_or_the_new() -> anyhow::Result<()> {
    for point in ["restore.downloaded", "restore.loading", "restore.verified", "restore.swapped"] {
        check_restore(point).await?;
    }
    Ok(())
}
