//! A big real API, whole: GitHub's description imports, serves, and survives its region.

use anyhow::Context as _;
use evergate_tests::{Upstream, clients};
use reqwest::StatusCode;
use serde_json::json;

use crate::lab::{SharedStorage, assert_same, everything};

#[tokio::test]
async fn the_description_of_github_is_served_and_restored_whole() -> anyhow::Result<()> {
    let package = clients::node().await?.join("node_modules/@octokit/openapi");
    let description = std::fs::read_to_string(package.join("generated/api.github.com.json"))
        .context("GitHub's description")?;
    let storage = SharedStorage::create()?;
    let upstream = Upstream::start().await?;
    let server = storage.region("westeurope").start().await?;
    let management = server.management().await?;
    management.create_service("svc", "westeurope", "Developer").await?;
    let root = management.service("svc");
    let api = json!({"properties": {
        "path": "github", "format": "openapi+json", "value": description, "serviceUrl": upstream.url(),
        "protocols": ["http", "https"], "subscriptionRequired": true,
    }});
    management.put(&format!("{root}/apis/github"), &api).await?;
    let subscription = json!({"properties": {"displayName": "all", "scope": "/apis", "state": "active"}});
    management.put(&format!("{root}/subscriptions/all"), &subscription).await?;
    let key = management.subscription_key("svc", "all").await?;
    let before = everything(&management, "svc").await?;
    let operations = before.iter().filter(|(path, _)| path.contains("/operations/")).count();
    assert!(operations > 1000, "{operations} operations");

    let gateway = server.gateway()?;
    let path = "/github/repos/octocat/hello-world/issues/7/comments?per_page=3";
    let answer = gateway.get_until("svc", path, &key, StatusCode::OK).await?;
    assert_eq!(answer["path"], "/repos/octocat/hello-world/issues/7/comments");
    assert_eq!(answer["query"], "per_page=3");

    let request = storage.request(&server.bootstrap, "github");
    let done = management.run("svc", "backup", &request).await?;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    let deleted = management.delete(&format!("{root}/apis/github")).await?;
    assert!(deleted.status.is_success(), "{} {}", deleted.status, deleted.body);
    gateway.get_until("svc", path, &key, StatusCode::NOT_FOUND).await?;
    let done = management.run("svc", "restore", &request).await?;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    assert_same(&before, &everything(&management, "svc").await?);
    gateway.get_until("svc", path, &key, StatusCode::OK).await?;
    Ok(())
}
