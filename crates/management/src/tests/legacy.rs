//! The shapes of old api-versions, in and out.

use super::*;

#[tokio::test]
async fn the_oldest_version_works_in_its_own_words() {
    let server = Server::with_service().await.at("2018-06-01-preview");
    server.set("/products/free", json!({"displayName": "Free"})).await.expect(201);
    let property = json!({"displayName": "color", "value": "blue", "secret": true});
    let property = server.set("/properties/color", property).await.expect(201);
    assert_eq!(property["id"], format!("{SERVICE}/properties/color"));
    assert_eq!(property["type"], "Microsoft.ApiManagement/service/properties");
    assert_eq!(property["properties"]["value"], "blue");
    assert_eq!(server.names("/properties").await, ["color"]);

    let subscription =
        json!({"displayName": "S", "productId": "/products/free", "userId": "/users/1", "state": "active"});
    let subscription = server.set("/subscriptions/s", subscription).await.expect(201);
    assert_eq!(subscription["properties"]["productId"], format!("{SERVICE}/products/free"));
    assert_eq!(subscription["properties"]["userId"], format!("{SERVICE}/users/1"));
    assert!(subscription["properties"]["primaryKey"].is_string());

    let policy = json!({"policyContent": "<policies />", "contentFormat": "xml"});
    let shown = server.set("/policies/policy", policy.clone()).await.expect(201);
    assert_eq!(shown["properties"], policy);

    let swagger = json!({"swagger": "2.0", "info": {"title": "Pets", "version": "1"}, "host": "pets.local",
        "paths": {"/pets": {"get": {"operationId": "list", "responses": {"200": {"description": "ok"}}}}}});
    let import =
        json!({"path": "pets", "contentFormat": "swagger-json", "contentValue": swagger.to_string()});
    server.set("/apis/pets", import).await.expect(201);
    assert_eq!(server.names("/apis/pets/operations").await, ["list"]);
    let patched = server.patch("/apis/pets", json!({"properties": {"description": "x"}})).await;
    assert_eq!(patched.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn keys_in_the_open_are_for_those_who_may_list_them() {
    let server = Server::with_service().await.at("2019-01-01");
    assert!(server.get("/subscriptions/master").await.expect(200)["properties"]["primaryKey"].is_string());
    server.guard.forbidden.lock().unwrap().push("listSecrets/action");
    assert!(server.get("/subscriptions/master").await.expect(200)["properties"]["primaryKey"].is_null());
    let new = server.at("2022-08-01");
    new.guard.forbidden.lock().unwrap().clear();
    assert!(new.get("/subscriptions/master").await.expect(200)["properties"]["primaryKey"].is_null());
}
