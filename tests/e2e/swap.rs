//! Callers notice nothing while a restore replaces the configuration under them.

use evergate_tests::Upstream;
use futures_util::future::try_join_all;
use reqwest::StatusCode;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::lab::{SharedStorage, publish};

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_restores_swap_the_configuration() -> anyhow::Result<()> {
    let storage = SharedStorage::create()?;
    let upstream = Upstream::start().await?;
    let server = storage.region("westeurope").start().await?;
    let management = server.management().await?;
    management.create_service("svc", "westeurope", "Developer").await?;
    let key = publish(&management, "svc", upstream.url()).await?;
    let many: Map<String, Value> =
        (0..500).map(|at| (format!("/things/{at}/{{id}}"), json!({"get": {"responses": {}}}))).collect();
    let many = json!({"openapi": "3.0.0", "info": {"title": "Many"}, "paths": many});
    let many = json!({"properties": {"path": "many", "format": "openapi+json", "value": many.to_string(),
        "serviceUrl": upstream.url()}});
    management.put(&format!("{}/apis/many", management.service("svc")), &many).await?;
    let gateway = server.gateway()?;
    gateway.get_until("svc", "/pets/pets", &key, StatusCode::OK).await?;
    let request = storage.request(&server.bootstrap, "night");
    let done = management.run("svc", "backup", &request).await?;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);

    let (stop, stopped) = watch::channel(false);
    let callers = (0..4).map(|caller| {
        let (gateway, key, stopped) = (gateway.clone(), key.clone(), stopped.clone());
        tokio::spawn(async move {
            let mut answered = 0_u32;
            while !*stopped.borrow() {
                let (status, body) = gateway.get("svc", &format!("/pets/pets/{caller}"), &key).await?;
                anyhow::ensure!(status == StatusCode::OK, "{status} after {answered} answers: {body}");
                answered += 1;
            }
            anyhow::Ok(answered)
        })
    });
    let callers: Vec<_> = callers.collect();
    for _ in 0..5 {
        let done = management.run("svc", "restore", &request).await?;
        assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    }
    stop.send_replace(true);
    let answered: Vec<_> = try_join_all(callers).await?.into_iter().collect::<Result<_, _>>()?;
    assert!(answered.iter().all(|answered| *answered > 0), "{answered:?}");
    Ok(())
}
