//! What clients ask around a service: subscriptions, resource groups, providers, metadata.

use super::*;

#[tokio::test]
async fn az_learns_the_cloud_without_a_token() {
    let server = Server::start();
    let request = Request::get("//metadata/endpoints?api-version=2022-09-01").body(Body::empty()).unwrap();
    let response = server.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let one = server.get("/metadata/endpoints?api-version=2022-09-01").await.expect(200);
    assert_eq!(one["authentication"]["loginEndpoint"], "https://localhost:9443");
    assert!(server.get("/metadata/endpoints?api-version=2019-05-01").await.expect(200).is_array());
}

#[tokio::test]
async fn everything_else_needs_one() {
    let server = Server::start();
    for path in ["/subscriptions?api-version=2022-12-01", "/nothing", "/subscriptions/x"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = server.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
    }
}

#[tokio::test]
async fn subscriptions_groups_and_providers_are_there() {
    let server = Server::with_service().await;
    let list = server.get("/subscriptions?all").await.expect(200);
    assert_eq!(list["value"][0]["state"], "Enabled");
    let own = format!("/subscriptions/{SUBSCRIPTION}");
    assert_eq!(server.get(&own).await.expect(200)["subscriptionId"], SUBSCRIPTION);
    assert_eq!(server.get("/tenants").await.expect(200)["value"].as_array().unwrap().len(), 1);
    assert_eq!(server.names(&format!("{own}/locations")).await, ["westeurope"]);
    assert_eq!(server.names(&format!("{own}/resourcegroups")).await, ["rg1"]);
    server.head(GROUP).await.expect(204);
    server.put(GROUP, json!({"location": "westeurope", "tags": {"a": "b"}})).await.expect(200);
    assert_eq!(server.get(GROUP).await.expect(200)["tags"], json!({"a": "b"}));
    let provider = server.get(&format!("{own}/providers/microsoft.apimanagement")).await.expect(200);
    assert_eq!(provider["registrationState"], "Registered");
    server.get(&format!("{own}/providers/Microsoft.Nothing")).await.refused(404, "InvalidResourceNamespace");
    let other = "/subscriptions/00000000-0000-0000-0000-000000000002";
    server.get(other).await.refused(404, "SubscriptionNotFound");
    server.get("/nothing").await.refused(404, "NotFound");
}

#[tokio::test]
async fn api_versions_are_checked_and_listed() {
    let server = Server::with_service().await;
    let message = server
        .get(&format!("{SERVICE}?api-version=2017-03-01"))
        .await
        .refused(400, "InvalidApiVersionParameter");
    assert!(message.contains("2018-06-01-preview") && message.contains("2024-05-01"), "{message}");
    server.get(&format!("{SERVICE}?api-version=")).await.refused(400, "MissingApiVersionParameter");
    server.get(&format!("{GROUP}?api-version=soon")).await.refused(400, "InvalidApiVersionParameter");
}

#[tokio::test]
async fn requests_are_identified() {
    let server = Server::with_service().await;
    let headers = [("x-ms-client-request-id", "mine"), ("x-ms-correlation-request-id", "both")];
    let answer = server.send("GET", SERVICE, &headers, None).await;
    assert_eq!(answer.header("x-ms-client-request-id"), "mine");
    assert_eq!(answer.header("x-ms-correlation-request-id"), "both");
    assert_eq!(answer.header("x-ms-request-id").len(), 36);
    let refusal = server.get("/apis/none").await;
    assert_eq!(refusal.header("x-ms-request-id").len(), 36);
    assert_eq!(refusal.header("x-ms-error-code"), "ResourceNotFound");
}

#[tokio::test]
async fn rights_are_asked_for_by_their_names() {
    let server = Server::with_service().await;
    server.guard.asked.lock().unwrap().clear();
    server.get("/APIS/pets/operations/x").await.refused(404, "ResourceNotFound");
    server.post("/subscriptions/master/listsecrets", None).await.expect(200);
    server.delete("/products/x").await.expect(204);
    server.get("/users/1/groups").await.expect(200);
    let asked: Vec<String> = server
        .guard
        .asked
        .lock()
        .unwrap()
        .iter()
        .map(|(action, scope)| format!("{action} {}", scope.rsplit_once("/svc1").unwrap().1))
        .collect();
    insta::assert_snapshot!(asked.join("\n"), @r#"
        Microsoft.ApiManagement/service/apis/operations/read /apis/pets/operations/x
        Microsoft.ApiManagement/service/subscriptions/listSecrets/action /subscriptions/master
        Microsoft.ApiManagement/service/products/delete /products/x
        Microsoft.ApiManagement/service/users/groups/read /users/1
        "#);
    server.guard.forbidden.lock().unwrap().push("apis/write");
    let refused = server.set("/apis/pets", json!({})).await;
    assert!(
        refused.refused(403, "AuthorizationFailed").contains("Microsoft.ApiManagement/service/apis/write")
    );
}
