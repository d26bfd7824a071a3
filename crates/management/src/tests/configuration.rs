//! Products, users, groups and subscriptions, and what connects them.

use super::*;

#[tokio::test]
async fn a_product_with_apis_groups_and_subscriptions() {
    let server = Server::with_service().await;
    let api = json!({"displayName": "Pets", "path": "pets", "serviceUrl": "http://pets.local"});
    server.set("/apis/pets", api).await.expect(201);
    let product =
        server.set("/products/free", json!({"displayName": "Free", "state": "Published"})).await.expect(201);
    insta::assert_json_snapshot!(product, @r#"
        {
          "id": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/svc1/products/free",
          "type": "Microsoft.ApiManagement/service/products",
          "name": "free",
          "properties": {
            "displayName": "Free",
            "subscriptionRequired": true,
            "state": "published",
            "approvalRequired": false
          }
        }
        "#);
    server.head("/products/free/apis/pets").await.expect(404);
    let link = server.put("/products/free/apis/PETS", json!({})).await.expect(201);
    assert_eq!(link["id"], format!("{SERVICE}/products/free/apis/PETS"));
    assert_eq!(link["properties"]["displayName"], "Pets");
    server.send("PUT", "/products/free/apis/pets", &[], None).await.expect(200);
    server.head("/products/free/apis/pets").await.expect(204);
    assert_eq!(server.names("/products/free/apis").await, ["pets"]);
    assert_eq!(server.names("/products/free/apis?$filter=displayName eq 'pets'").await, ["pets"]);
    assert!(server.names("/products/free/apis?$filter=displayName eq 'dogs'").await.is_empty());
    assert_eq!(server.names("/apis/pets/products").await, ["free"]);
    server.put("/products/free/apis/none", json!({})).await.refused(404, "ResourceNotFound");
    server.put("/products/none/apis/pets", json!({})).await.refused(404, "ResourceNotFound");
    assert_eq!(server.names("/products/free/groups").await, ["administrators"]);
    server.put("/products/free/groups/developers", json!({})).await.expect(201);

    let subscription = json!({"displayName": "One", "scope": "/products/free", "state": "active"});
    let subscription = server.set("/subscriptions/one", subscription).await.expect(201);
    insta::assert_json_snapshot!(subscription, @r#"
        {
          "id": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/svc1/subscriptions/one",
          "type": "Microsoft.ApiManagement/service/subscriptions",
          "name": "one",
          "properties": {
            "displayName": "One",
            "scope": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/svc1/products/free",
            "state": "active",
            "allowTracing": false,
            "ownerId": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/svc1/users/1",
            "createdDate": "2026-01-02T03:04:05Z",
            "startDate": "2026-01-02T03:04:05Z"
          }
        }
        "#);
    assert_eq!(server.names("/products/free/subscriptions").await, ["one"]);
    assert_eq!(server.names("/users/1/subscriptions").await, ["one"]);

    let refusal = server.delete("/products/free").await.refused(400, "ValidationError");
    assert!(refusal.contains("deleteSubscriptions=true"), "{refusal}");
    server.delete("/products/free?deleteSubscriptions=true").await.expect(200);
    server.delete("/products/free").await.expect(204);
    assert_eq!(server.names("/subscriptions").await, ["master"]);
    server.get("/products/free/apis").await.refused(404, "ResourceNotFound");
}

#[tokio::test]
async fn an_api_takes_links_and_subscriptions_with_it() {
    let server = Server::with_service().await;
    server.set("/apis/pets", json!({"displayName": "Pets", "path": "pets"})).await.expect(201);
    server.set("/products/free", json!({"displayName": "Free"})).await.expect(201);
    server.put("/products/free/apis/pets", json!({})).await.expect(201);
    let scope = format!("{SERVICE}/apis/pets");
    server.set("/subscriptions/s", json!({"displayName": "S", "scope": scope})).await.expect(201);
    server.delete("/apis/pets").await.expect(204);
    assert!(server.names("/products/free/apis").await.is_empty());
    server.get("/subscriptions/s").await.refused(404, "ResourceNotFound");
}

#[tokio::test]
async fn users_belong_to_groups() {
    let server = Server::with_service().await;
    let ann =
        json!({"firstName": "Ann", "lastName": "Lee", "email": "ann@example.org", "password": "s3cret!"});
    let body = server.set("/users/ann", ann.clone()).await.expect(201);
    assert!(!body.to_string().contains("s3cret"), "{body}");
    assert_eq!(body["properties"]["registrationDate"], NOW);
    let stored = server.store.services().await.unwrap()[0].id.clone();
    let path = evergate_model::ResourcePath::parse("/users/ann").unwrap();
    let hash = |secrets: evergate_model::Secrets| secrets.text("password").unwrap().to_owned();
    let first = hash(server.store.resource(&stored, &path).await.unwrap().unwrap().secrets);
    assert!(first.starts_with("$argon2id$"), "{first}");
    server.patch("/users/ann", json!({"properties": {"note": "x"}})).await.expect(200);
    assert_eq!(hash(server.store.resource(&stored, &path).await.unwrap().unwrap().secrets), first);
    let mut twin = ann;
    twin["email"] = json!("ANN@example.org");
    server.set("/users/twin", twin).await.refused(400, "ValidationError");
    server.set("/groups/testers", json!({"displayName": "Testers"})).await.expect(201);
    server.put("/groups/testers/users/ann", json!({})).await.expect(201);
    server.head("/groups/testers/users/ann").await.expect(204);
    assert_eq!(server.names("/users/ann/groups").await, ["developers", "testers"]);
    server.delete("/groups/testers").await.expect(200);
    assert_eq!(server.names("/users/ann/groups").await, ["developers"]);
    server.delete("/users/ann").await.expect(204);
    assert_eq!(server.names("/groups/developers/users").await, ["1"]);
}

#[tokio::test]
async fn subscriptions_refer_to_what_exists() {
    let server = Server::with_service().await;
    for (properties, part) in [
        (json!({"displayName": "S", "scope": "/products/none"}), "does not exist"),
        (json!({"displayName": "S", "scope": "/backends/x"}), "another kind"),
        (json!({"displayName": "S", "scope": SERVICE.replace("svc1", "svc2") + "/apis"}), "another service"),
        (json!({"displayName": "S"}), "scope"),
        (json!({"displayName": "S", "scope": "/apis", "ownerId": "/users/none"}), "does not exist"),
        (json!({"displayName": "S", "scope": "/apis", "primaryKey": "key0000"}), "another subscription"),
    ] {
        let message = server.set("/subscriptions/s", properties).await.refused(400, "ValidationError");
        assert!(message.contains(part), "{message}");
    }
    let all =
        server.set("/subscriptions/s", json!({"displayName": "S", "scope": format!("{SERVICE}/apis")})).await;
    assert_eq!(all.expect(201)["properties"]["scope"], format!("{SERVICE}/apis"));
}

#[tokio::test]
async fn keys_are_made_listed_and_made_anew() {
    let server = Server::with_service().await;
    let given = json!({"displayName": "S", "scope": "/apis", "primaryKey": "mine"});
    server.set("/subscriptions/s", given).await.expect(201);
    let keys = || async { server.post("/subscriptions/s/listSecrets", None).await.expect(200) };
    let before = keys().await;
    assert_eq!(before["primaryKey"], "mine");
    server.post("/subscriptions/s/regeneratePrimaryKey", None).await.expect(204);
    let after = keys().await;
    assert_ne!(after["primaryKey"], "mine");
    assert_eq!(after["secondaryKey"], before["secondaryKey"]);
    server.post("/subscriptions/s/regenerateSecondaryKey", None).await.expect(204);
    assert_ne!(keys().await["secondaryKey"], before["secondaryKey"]);
    server.patch("/subscriptions/s", json!({"properties": {"state": "active"}})).await.expect(200);
    let body =
        server.set("/subscriptions/s", json!({"displayName": "T", "scope": "/apis"})).await.expect(200);
    assert_eq!(body["properties"]["state"], "active");
    assert_eq!(body["properties"]["startDate"], NOW);
    assert_eq!(keys().await["primaryKey"], after["primaryKey"]);
    server.get("/subscriptions/s/listSecrets").await.refused(405, "MethodNotAllowed");
}

#[tokio::test]
async fn violations_are_listed_by_property() {
    let server = Server::with_service().await;
    let body =
        server.set("/products/p", json!({"state": "open", "subscriptionsLimit": -1})).await.expect(400);
    insta::assert_json_snapshot!(body, @r#"
        {
          "error": {
            "code": "ValidationError",
            "message": "One or more fields contain incorrect values:",
            "details": [
              {
                "code": "ValidationError",
                "target": "displayName",
                "message": "Required property 'displayName' was not given."
              },
              {
                "code": "ValidationError",
                "target": "subscriptionsLimit",
                "message": "'subscriptionsLimit' is not valid: it is a whole number from 0 to 2147483647."
              },
              {
                "code": "ValidationError",
                "target": "state",
                "message": "'state' is not valid: it is one of notPublished, published."
              }
            ]
          }
        }
        "#);
    let message =
        server.set("/products/a:b", json!({"displayName": "x"})).await.refused(400, "ValidationError");
    assert!(message.contains("1 to 256 characters"), "{message}");
    let free = json!({"displayName": "x", "subscriptionRequired": false, "approvalRequired": true});
    server.set("/products/p", free).await.refused(400, "ValidationError");
}

#[tokio::test]
async fn etags_guard_against_lost_updates() {
    let server = Server::with_service().await;
    let product = || json!({"properties": {"displayName": "P"}});
    let created = server.put("/products/p", product()).await;
    let etag = created.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    assert_eq!(server.head("/products/p").await.header("etag"), etag);
    server.send("GET", "/products/p", &[("if-none-match", &etag)], None).await.expect(304);
    let put = |value: String| {
        let server = &server;
        async move { server.send("PUT", "/products/p", &[("if-match", &value)], Some(product())).await }
    };
    let second = put(etag.clone()).await;
    assert_eq!(second.status, 200);
    put(etag.clone()).await.refused(412, "PreconditionFailed");
    server
        .send("DELETE", "/products/p", &[("if-match", &etag)], None)
        .await
        .refused(412, "PreconditionFailed");
    server
        .send("PUT", "/products/p", &[("if-none-match", "*")], Some(product()))
        .await
        .refused(412, "PreconditionFailed");
    server
        .send("PUT", "/products/q", &[("if-match", "\"x\"")], Some(product()))
        .await
        .refused(412, "PreconditionFailed");
    server.patch("/products/q", product()).await.refused(404, "ResourceNotFound");
    let patched = server.patch("/products/p", json!({"properties": {"description": "d"}})).await;
    assert_eq!(patched.expect(200)["properties"]["description"], "d");
    let patched = server.patch("/products/p", json!({"properties": {"description": null}})).await;
    assert!(patched.expect(200)["properties"].get("description").is_none());
}

#[tokio::test]
async fn unknown_collections_say_so() {
    let server = Server::with_service().await;
    server.get("/loggers").await.refused(404, "InvalidResourceType");
    server.get("/apis/x/nothing/y").await.refused(404, "InvalidResourceType");
    server.get("/properties").await.refused(404, "InvalidResourceType");
    server.post("/apis", Some(json!({}))).await.refused(405, "MethodNotAllowed");
    server.set("/products/a%2Fb", json!({"displayName": "x"})).await.refused(400, "ValidationError");
}
