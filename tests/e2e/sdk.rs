//! Microsoft's management libraries for Python and JavaScript, today's and an old one, unchanged.

use evergate_tests::{Upstream, clients};
use serde_json::json;

use crate::lab::{SharedStorage, publish};

async fn check(script: &str, service: &str) -> anyhow::Result<()> {
    let storage = SharedStorage::create()?;
    let upstream = Upstream::start().await?;
    let server = storage.region("westeurope").start().await?;
    let bootstrap = &server.bootstrap;
    let input = |step: &str| {
        json!({
            "step": step,
            "endpoint": bootstrap.management_endpoint,
            "tenant": bootstrap.tenant_id,
            "application": bootstrap.application_id,
            "secret": bootstrap.client_secret,
            "subscription": bootstrap.subscription_id,
            "group": "rg",
            "service": service,
            "storage": storage.request(bootstrap, "night"),
            "missing": storage.request(bootstrap, "never"),
        })
    };
    let management = server.management().await?;
    // The group comes from the CLI in practice; the libraries are only for services.
    management.create_service("another", "westeurope", "Developer").await?;
    let created = clients::script(script, &input("create"), &bootstrap.ca_file).await?;
    assert_eq!(created["name"], service, "{created}");
    assert_eq!(created["listed"].as_array().map(Vec::len), Some(2), "{created}");
    publish(&management, service, upstream.url()).await?;
    let recovered = clients::script(script, &input("recover"), &bootstrap.ca_file).await?;
    assert_eq!(recovered["backup"], service, "{recovered}");
    assert_eq!(recovered["apis"], json!(["pets"]), "{recovered}");
    assert_eq!(recovered["restore"], service, "{recovered}");
    let message = recovered["failure"].as_str().unwrap_or_default();
    assert!(message.contains("Cannot restore: backup 'never' does not exist"), "{recovered}");
    Ok(())
}

#[tokio::test]
async fn azure_mgmt_apimanagement_for_python() -> anyhow::Result<()> {
    check("management.py", "python-svc").await
}

#[tokio::test]
async fn arm_apimanagement_10_for_javascript() -> anyhow::Result<()> {
    check("management.mjs", "script-svc").await
}

#[tokio::test]
async fn arm_apimanagement_5_for_javascript() -> anyhow::Result<()> {
    check("management-2019.mjs", "old-script-svc").await
}
