//! While one operation runs on a service, nothing else that manages the service is done.

use evergate_tests::management::storage_request;
use evergate_tests::{Answer, ServerOptions};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::net::TcpListener;

fn check_busy(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.body);
    assert!(answer.message().to_lowercase().contains("backup"), "it does not say why: {}", answer.message());
}

#[tokio::test]
async fn a_running_backup_holds_up_what_manages_the_service() -> anyhow::Result<()> {
    // A storage account that takes connections and never answers.
    let stalled = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/stalled", stalled.local_addr()?);
    let server = ServerOptions::region("westeurope").storage_account("stalled", &url).start().await?;
    let management = server.management().await?;
    management.create_service("svc", "westeurope", "Developer").await?;
    let service = management.service("svc");
    let request = storage_request("stalled", "c3RhbGxlZA==", "backups", "night");

    let accepted = management.post(&format!("{service}/backup"), &request).await?;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.body);
    let again = management.post(&format!("{service}/backup"), &request).await?;
    assert_eq!(again.status, StatusCode::ACCEPTED, "{}", again.body);
    assert_eq!(
        again.header("location"),
        accepted.header("location"),
        "the same request is the same operation"
    );
    let running = management.get(accepted.header("location")).await?;
    assert_eq!(running.status, StatusCode::ACCEPTED, "{}", running.body);

    let another = storage_request("stalled", "c3RhbGxlZA==", "backups", "another");
    check_busy(&management.post(&format!("{service}/backup"), &another).await?);
    check_busy(&management.post(&format!("{service}/restore"), &request).await?);
    let sku = json!({"sku": {"name": "Standard", "capacity": 1}});
    check_busy(&management.send(Method::PATCH, &service, Some(&sku)).await?);
    check_busy(&management.delete(&service).await?);

    // Configuration is another matter: a backup blocks no writer.
    let value = json!({"properties": {"displayName": "colour", "value": "green"}});
    management.put(&format!("{service}/namedValues/colour"), &value).await?;
    Ok(())
}
