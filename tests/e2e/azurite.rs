//! Backups in Azure Blob Storage, as its emulator and Microsoft's own storage client see them.

use evergate_tests::management::storage_request;
use evergate_tests::{Azurite, ServerOptions, Upstream, clients};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::lab::{assert_same, everything, publish};

#[tokio::test]
async fn a_backup_is_one_blob_of_the_account() -> anyhow::Result<()> {
    let azurite = Azurite::start().await?;
    let upstream = Upstream::start().await?;
    let server =
        ServerOptions::region("westeurope").storage_account(Azurite::ACCOUNT, &azurite.url()).start().await?;
    let management = server.management().await?;
    management.create_service("svc", "westeurope", "Developer").await?;
    publish(&management, "svc", upstream.url()).await?;
    let before = everything(&management, "svc").await?;
    let request = storage_request(Azurite::ACCOUNT, Azurite::KEY, "backups", "night");
    let storage = async |action: &str| {
        let input =
            json!({"url": azurite.url(), "key": Azurite::KEY, "container": "backups", "action": action});
        clients::script("storage.py", &input, &server.bootstrap.ca_file).await
    };
    let refused = async |request: &Value, verb: &str, message: &str| {
        let answer = management.run("svc", verb, request).await?;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
        assert!(answer.message().contains(message), "'{}' does not say '{message}'", answer.message());
        anyhow::Ok(())
    };

    refused(&request, "backup", "container 'backups' does not exist").await?;
    storage("create").await?;
    refused(&request, "restore", "backup 'night' does not exist").await?;
    let mut wrong = request.clone();
    wrong["accessKey"] = "d3Jvbmcgd3Jvbmcgd3Jvbmc=".into();
    refused(&wrong, "backup", "access key").await?;

    let done = management.run("svc", "backup", &request).await?;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    let listed = storage("list").await?;
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "one backup is one blob: {listed}");
    assert_eq!(listed[0]["name"], "night");
    assert!(listed[0]["size"].as_u64() > Some(1000), "{listed}");

    let path = format!("{}/namedValues/colour", management.service("svc"));
    management.put(&path, &json!({"properties": {"displayName": "colour", "value": "red"}})).await?;
    let done = management.run("svc", "restore", &request).await?;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    assert_same(&before, &everything(&management, "svc").await?);

    storage("flip").await?;
    refused(&request, "restore", "Cannot restore: ").await?;
    storage("cut").await?;
    refused(&request, "restore", "Cannot restore: ").await?;
    assert_same(&before, &everything(&management, "svc").await?);
    Ok(())
}
