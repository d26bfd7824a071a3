//! Policies on all four scopes, as XML and as raw XML.

use super::*;

#[tokio::test]
async fn policies_stand_on_every_scope() {
    let server = Server::with_service().await;
    server.set("/apis/pets", json!({"displayName": "Pets", "path": "pets"})).await.expect(201);
    let operation = json!({"displayName": "Get", "method": "get", "urlTemplate": "/pets/{id}",
        "templateParameters": [{"name": "id", "type": "string"}]});
    server.set("/apis/pets/operations/get", operation).await.expect(201);
    server.set("/products/free", json!({"displayName": "Free"})).await.expect(201);
    let policy = json!({"format": "xml", "value": "<policies><inbound><base /></inbound></policies>"});
    for scope in ["", "/products/free", "/apis/pets", "/apis/pets/operations/get"] {
        let path = format!("{scope}/policies/policy");
        server.get(&path).await.refused(404, "ResourceNotFound");
        server.set(&path, policy.clone()).await.expect(201);
        let body = server.get(&path).await.expect(200);
        assert_eq!(body["properties"], policy);
        assert_eq!(body["name"], "policy");
        assert_eq!(server.names(&format!("{scope}/policies")).await, ["policy"]);
        assert!(!server.head(&path).await.header("etag").is_empty());
        server.delete(&path).await.expect(200);
    }
    server.set("/policies/other", policy).await.refused(400, "ValidationError");
}

#[tokio::test]
async fn what_is_not_a_policy_is_refused_with_its_place() {
    let server = Server::with_service().await;
    for value in ["<policies><inbound></policies>", "", "<x/>"] {
        let body = server.set("/policies/policy", json!({"value": value})).await;
        body.refused(400, "ValidationError");
    }
}

#[tokio::test]
async fn raw_expressions_and_links_are_taken() {
    let server = Server::with_service().await;
    let raw = r#"<policies><inbound><set-header name="x"><value>@(1 < 2 ? "a" : "b")</value></set-header></inbound></policies>"#;
    let body = server.set("/policies/policy", json!({"format": "rawxml", "value": raw})).await.expect(201);
    assert!(body["properties"]["value"].as_str().unwrap().contains("1 &lt; 2"), "{body}");
    let body = server.get("/policies/policy?format=rawxml").await.expect(200);
    assert_eq!(body["properties"], json!({"format": "rawxml", "value": raw}));
    let link = "http://files.local/policy.xml";
    let linked = json!({"format": "xml-link", "value": link});
    server.set("/policies/policy", linked.clone()).await.refused(400, "ValidationError");
    server.documents.0.lock().unwrap().insert(link.to_owned(), b"<policies />".to_vec());
    assert_eq!(
        server.set("/policies/policy", linked).await.expect(200)["properties"]["value"],
        "<policies />"
    );
}
