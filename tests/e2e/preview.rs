//! The two requests exactly as the first public api-version words them.

use evergate_tests::Upstream;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::lab::{SharedStorage, assert_same, everything, publish};

const VERSION: &str = "api-version=2018-06-01-preview";

#[tokio::test]
async fn backup_and_restore_answer_as_in_2018() -> anyhow::Result<()> {
    let storage = SharedStorage::create()?;
    let upstream = Upstream::start().await?;
    let one = storage.region("westeurope").start().await?;
    let management = one.management().await?;
    management.create_service("svc", "westeurope", "Developer").await?;
    let key = publish(&management, "svc", upstream.url()).await?;
    let before = everything(&management, "svc").await?;
    let request = storage.request(&one.bootstrap, "night");

    let backup = format!("{}/backup?{VERSION}", management.service("svc"));
    let accepted = management.send(Method::POST, &backup, Some(&request)).await?;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.body);
    assert_eq!(accepted.body, Value::Null, "an accepted request has no body");
    assert!(accepted.header("location").contains("/operationresults/"), "{}", accepted.header("location"));
    assert!(accepted.header("retry-after").parse::<u32>()? >= 1);
    let done = management.wait(&accepted).await?;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    assert_eq!(done.body["properties"]["provisioningState"], "Succeeded");
    let read_again = management.get(accepted.header("location")).await?;
    assert_eq!(read_again.status, StatusCode::OK, "clients read the result twice");
    assert!(storage.file("night").exists());

    let two = storage.second_region("northeurope", &one).start().await?;
    drop(one);
    let management = two.management().await?;
    management.create_service("svc", "northeurope", "Developer").await?;
    let restore = format!("{}/restore?{VERSION}", management.service("svc"));
    let accepted = management.send(Method::POST, &restore, Some(&request)).await?;
    let done = management.wait(&accepted).await?;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    assert_eq!(done.body["location"], "northeurope", "a restore does not move the target");
    assert_same(&before, &everything(&management, "svc").await?);
    let answer = two.gateway()?.get_until("svc", "/pets/pets/7", &key, StatusCode::OK).await?;
    assert_eq!(answer["path"], "/pets/7");
    assert_eq!(answer["headers"]["x-token"], "s3cret");
    Ok(())
}
