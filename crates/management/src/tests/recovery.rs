//! Backup and restore over HTTP: acceptance, polls, failures, undo.

use evergate_store::{OperationFailure, OperationId};

use super::*;

fn request() -> Value {
    json!({"storageAccount": "devacct", "accessKey": "c2VjcmV0", "containerName": "backups", "backupName": "b1"})
}

fn operation(location: &str) -> OperationId {
    let id = location.split(['/', '?']).nth_back(1).unwrap();
    OperationId(id.parse().unwrap())
}

#[tokio::test]
async fn a_backup_is_accepted_polled_and_done() {
    let server = Server::with_service().await.at("2018-06-01-preview");
    let accepted = server.post("/backup", Some(request())).await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED);
    assert_eq!(accepted.body, "");
    assert_eq!(accepted.header("retry-after"), "1");
    let location = accepted.header("location").to_owned();
    let prefix = format!("https://localhost:9443{SERVICE}/operationresults/");
    assert!(location.starts_with(&prefix), "{location}");
    assert!(location.ends_with("?api-version=2018-06-01-preview"), "{location}");
    let poll = location.strip_prefix("https://localhost:9443").unwrap();
    let running = server.get(poll).await;
    assert_eq!(running.status, StatusCode::ACCEPTED);
    assert_eq!(running.header("location"), location);

    let joined = server.post("/backup", Some(request())).await;
    assert_eq!(joined.header("location"), location);
    let id = operation(&location);
    let mut other = request();
    other["backupName"] = json!("b2");
    let message = server.post("/backup", Some(other)).await.refused(409, "ServiceLocked");
    assert!(message.contains(&id.to_string()) && message.contains("backup"), "{message}");
    server.patch(SERVICE, json!({"sku": {"name": "Premium"}})).await.refused(409, "ServiceLocked");
    server.put(SERVICE, service_body()).await.refused(409, "ServiceLocked");
    let host = json!({"type": "Proxy", "hostName": "api.example.org", "encodedCertificate": "YQ==", "certificatePassword": "p"});
    let domain = json!({"properties": {"hostnameConfigurations": [host]}});
    server.patch(SERVICE, domain).await.refused(409, "ServiceLocked");
    assert!(server.store.records("serviceCertificates").await.unwrap().is_empty());
    server.delete(SERVICE).await.refused(409, "ServiceLocked");
    server.post("/applynetworkconfigurationupdates", Some(json!({}))).await.refused(409, "ServiceLocked");
    server.set("/products/p", json!({"displayName": "P"})).await.expect(201);

    server.store.finish_operation(id, Ok("{}".to_owned())).await.unwrap();
    for version in ["2018-06-01-preview", "2024-05-01", "2099-01-01"] {
        let poll = poll.replace("2018-06-01-preview", version);
        let done = server.get(&poll).await.expect(200);
        assert_eq!(done["name"], "svc1");
        assert_eq!(done["properties"]["provisioningState"], "Succeeded");
        assert_eq!(done["properties"]["targetProvisioningState"], "");
    }
    server.post("/applynetworkconfigurationupdates", Some(json!({}))).await.expect(200);
}

#[tokio::test]
async fn a_failed_restore_says_why_in_the_poll() {
    let server = Server::with_service().await;
    let accepted = server.post("/restore", Some(request())).await;
    let location = accepted.header("location").to_owned();
    let poll = location.strip_prefix("https://localhost:9443").unwrap();
    let failure = OperationFailure {
        status: 400,
        code: "RestoreFailed".to_owned(),
        message: "Cannot restore: backup expired".to_owned(),
    };
    server.set("/products/p", json!({"displayName": "P"})).await.refused(409, "ServiceLocked");
    server.store.finish_operation(operation(&location), Err(failure)).await.unwrap();
    assert_eq!(server.get(poll).await.refused(400, "RestoreFailed"), "Cannot restore: backup expired");
    server.get(&poll.replace("svc1", "svc2")).await.refused(404, "ResourceNotFound");
    server.get("/operationresults/x").await.refused(404, "ResourceNotFound");
}

#[tokio::test]
async fn incomplete_requests_are_refused_before_anything_begins() {
    let server = Server::with_service().await;
    for name in ["storageAccount", "accessKey", "containerName", "backupName"] {
        let mut body = request();
        body.as_object_mut().unwrap().remove(name);
        let refusal = server.post("/backup", Some(body)).await;
        assert!(refusal.refused(400, "ValidationError").contains(name));
        assert_eq!(refusal.body["error"]["details"][0]["target"], name);
        assert!(!refusal.body.to_string().contains("c2VjcmV0"));
    }
    let mut body = request();
    body["accessType"] = json!("UserAssignedManagedIdentity");
    assert!(
        server.post("/backup", Some(body.clone())).await.refused(400, "ValidationError").contains("clientId")
    );
    body["accessType"] = json!("Password");
    server.post("/backup", Some(body)).await.refused(400, "ValidationError");
    server.get("/backup").await.refused(405, "MethodNotAllowed");
    let nowhere = SERVICE.replace("svc1", "svc9") + "/backup";
    server.post(&nowhere, Some(request())).await.refused(404, "ResourceNotFound");
    server.guard.forbidden.lock().unwrap().push("service/backup/action");
    server.post("/backup", Some(request())).await.refused(403, "AuthorizationFailed");
    let id = server.store.services().await.unwrap()[0].id.clone();
    assert!(server.store.operations(&id, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn generations_are_listed_and_nothing_is_undone_without_one() {
    let server = Server::with_service().await;
    let body = server.get("/generations").await.expect(200);
    assert_eq!(body["value"][0]["state"], "live");
    server.get("/undoRestore").await.refused(409, "NothingToUndo");
    server.post("/undoRestore", None).await.refused(409, "NothingToUndo");
}
