//! Named values and backends: what is sealed, shown, and asked for.

use super::*;

#[tokio::test]
async fn named_values_are_shown_or_sealed() {
    let server = Server::with_service().await;
    // az sends If-Match even when it creates.
    let create =
        |secret: bool| json!({"properties": {"displayName": "color", "value": "blue", "secret": secret}});
    let open = server.send("PUT", "/namedValues/color", &[("if-match", "*")], Some(create(false))).await;
    assert_eq!(open.expect(201)["properties"]["value"], "blue");
    let sealed = server.put("/namedValues/color", create(true)).await.expect(200);
    assert!(sealed["properties"].get("value").is_none(), "{sealed}");
    let value = server.post("/namedValues/color/listValue", None).await.expect(200);
    assert_eq!(value["value"], "blue");
    let tags = json!({"properties": {"tags": ["a"]}});
    server.patch("/namedValues/color", tags).await.expect(200);
    assert_eq!(server.post("/namedValues/color/listValue", None).await.expect(200)["value"], "blue");
    let public = json!({"properties": {"secret": false}});
    server.patch("/namedValues/color", public).await.refused(400, "ValidationError");
    server
        .set("/namedValues/other", json!({"displayName": "COLOR", "value": "x"}))
        .await
        .refused(400, "ValidationError");
    server
        .set("/namedValues/a", json!({"displayName": "a b", "value": "x"}))
        .await
        .refused(400, "ValidationError");
    server.set("/namedValues/a", json!({"displayName": "a"})).await.refused(400, "ValidationError");
}

#[tokio::test]
async fn a_named_value_in_use_stays() {
    let server = Server::with_service().await;
    server.set("/namedValues/color", json!({"displayName": "Color", "value": "blue"})).await.expect(201);
    let policy = "<policies><inbound><set-header name=\"x\"><value>{{ color }}</value></set-header></inbound></policies>";
    server.set("/policies/policy", json!({"format": "xml", "value": policy})).await.expect(201);
    let message = server.delete("/namedValues/color").await.refused(400, "ValidationError");
    assert!(message.contains("/policies/policy"), "{message}");
    server.delete("/policies/policy").await.expect(200);
    server.delete("/namedValues/color").await.expect(200);
}

#[tokio::test]
async fn a_backend_keeps_its_credentials_sealed() {
    let server = Server::with_service().await;
    let backend = json!({"url": "https://b.local", "protocol": "http",
        "credentials": {"header": {"x-key": ["k"]}, "authorization": {"scheme": "Basic", "parameter": "p"}}});
    server.set("/backends/b", backend.clone()).await.expect(201);
    let shown = server.get("/backends/b").await.expect(200);
    assert_eq!(shown["properties"]["credentials"], backend["credentials"]);
    let id = server.store.services().await.unwrap()[0].id.clone();
    let path = evergate_model::ResourcePath::parse("/backends/b").unwrap();
    let stored = server.store.resource(&id, &path).await.unwrap().unwrap();
    assert!(!stored.properties.contains_key("credentials"));
    server.patch("/backends/b", json!({"properties": {"title": "B"}})).await.expect(200);
    assert_eq!(
        server.get("/backends/b").await.expect(200)["properties"]["credentials"],
        backend["credentials"]
    );
    server.guard.forbidden.lock().unwrap().push("backends/write");
    let read = server.get("/backends/b").await.expect(200);
    assert_eq!(
        (&read["properties"]["title"], &read["properties"]["credentials"]),
        (&json!("B"), &json!(null))
    );
    let listed = server.get("/backends").await.expect(200);
    assert_eq!(listed["value"][0]["properties"]["credentials"], json!(null));
}
