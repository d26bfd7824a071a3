//! APIs: made directly, imported from descriptions, and deleted with what hangs on them.

use super::*;

fn description(operations: &[&str]) -> Value {
    let paths: serde_json::Map<String, Value> = operations
        .iter()
        .map(|name| {
            let responses = json!({"200": {"description": "ok", "content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/Pet"}, "example": {"id": 1}}}}});
            (format!("/{name}/{{id}}"), json!({"get": {
                "operationId": name,
                "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
                "responses": responses,
            }}))
        })
        .collect();
    json!({"openapi": "3.0.1", "info": {"title": "Pet store", "version": "1", "description": "Pets."},
        "servers": [{"url": "/v1"}], "paths": paths,
        "components": {"schemas": {"Pet": {"type": "object", "properties": {"id": {"type": "integer"}}}}}})
}

#[tokio::test]
async fn an_api_is_created_directly() {
    let server = Server::with_service().await;
    let api = json!({"displayName": "Pets", "path": "pets", "serviceUrl": "http://pets.local", "protocols": ["HTTPS"],
        "provisioningState": "x"});
    let body = server.set("/apis/pets", api).await.expect(201);
    insta::assert_json_snapshot!(body, @r#"
        {
          "id": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/svc1/apis/pets",
          "type": "Microsoft.ApiManagement/service/apis",
          "name": "pets",
          "properties": {
            "displayName": "Pets",
            "path": "pets",
            "protocols": [
              "https"
            ],
            "serviceUrl": "http://pets.local",
            "type": "http",
            "subscriptionRequired": true,
            "subscriptionKeyParameterNames": {
              "header": "Ocp-Apim-Subscription-Key",
              "query": "subscription-key"
            },
            "apiRevision": "1",
            "isCurrent": true,
            "isOnline": true
          }
        }
        "#);
    for (path, properties) in [
        ("/apis/two", json!({"displayName": "Two", "path": "Pets"})),
        ("/apis/two", json!({"displayName": "Two"})),
        ("/apis/two", json!({"displayName": "Two", "path": "/two"})),
        ("/apis/two", json!({"displayName": "Two", "path": "two", "apiVersion": "v1"})),
        (
            "/apis/two",
            json!({"displayName": "Two", "path": "two", "apiVersionSetId": "/apiVersionSets/none"}),
        ),
        ("/apis/two;x", json!({"displayName": "Two", "path": "two"})),
    ] {
        server.set(path, properties).await.refused(400, "ValidationError");
    }
}

#[tokio::test]
async fn versions_share_a_path() {
    let server = Server::with_service().await;
    let set = json!({"displayName": "Pets", "versioningScheme": "segment"});
    server.set("/apiVersionSets/pets", set).await.expect(201);
    let version = |version: &str| {
        json!({"displayName": "Pets", "path": "pets", "apiVersion": version,
        "apiVersionSetId": format!("{SERVICE}/apiVersionSets/pets")})
    };
    server.set("/apis/pets-v1", version("v1")).await.expect(201);
    let body = server.set("/apis/pets-v2", version("v2")).await.expect(201);
    assert_eq!(body["properties"]["apiVersionSet"]["versioningScheme"], "Segment");
    server.set("/apis/pets-v3", version("V2")).await.refused(400, "ValidationError");
    server.delete("/apiVersionSets/pets").await.refused(400, "ValidationError");
    let inline = json!({"displayName": "Cats", "path": "cats", "apiVersion": "v1",
        "apiVersionSet": {"name": "Cats", "versioningScheme": "Query", "versionQueryName": "v"}});
    let body = server.set("/apis/cats", inline).await.expect(201);
    assert!(body["properties"]["apiVersionSetId"].as_str().unwrap().contains("/apiVersionSets/"));
    assert_eq!(server.names("/apiVersionSets").await.len(), 2);
}

#[tokio::test]
async fn operations_have_a_place_of_their_own() {
    let server = Server::with_service().await;
    server.set("/apis/pets", json!({"displayName": "Pets", "path": "pets"})).await.expect(201);
    let operation = |template: &str, parameters: Value| json!({"displayName": "Get", "method": "get", "urlTemplate": template, "templateParameters": parameters});
    let id = json!([{"name": "id", "type": "string", "required": true}]);
    let body = server.set("/apis/pets/operations/get", operation("/pets/{id}", id.clone())).await.expect(201);
    assert_eq!(body["properties"]["method"], "GET");
    server.set("/apis/pets/operations/get", operation("/pets/{id}", id.clone())).await.expect(200);
    server
        .set("/apis/pets/operations/two", operation("/Pets/{id}/", id.clone()))
        .await
        .refused(409, "ValidationError");
    server.set("/apis/pets/operations/two", operation("/x/{name}", id)).await.refused(400, "ValidationError");
    server.set("/apis/none/operations/get", operation("/", json!([]))).await.refused(404, "ResourceNotFound");
    let schema = json!({"contentType": "application/json", "document": {"value": "{}"}});
    server.set("/apis/pets/schemas/pet", schema).await.expect(201);
    assert!(!server.head("/apis/pets/schemas/pet").await.header("etag").is_empty());
    server.delete("/apis/pets").await.expect(204);
    server.get("/apis/pets/operations/get").await.refused(404, "ResourceNotFound");
}

#[tokio::test]
async fn an_api_is_imported_again_and_again() {
    let server = Server::with_service().await;
    // What `az apim api import` sends.
    let import = |operations: &[&str]| json!({"path": "pets", "format": "openapi", "value": description(operations).to_string()});
    let body = server.set("/apis/pets", import(&["one", "two"])).await.expect(201);
    assert_eq!(body["properties"]["displayName"], "Pet store");
    assert!(body["properties"].get("value").is_none());
    assert_eq!(server.names("/apis/pets/operations").await, ["one", "two"]);
    let policy = json!({"value": "<policies />"});
    for operation in ["one", "two"] {
        server
            .set(&format!("/apis/pets/operations/{operation}/policies/policy"), policy.clone())
            .await
            .expect(201);
    }
    server.set("/apis/pets", import(&["two", "three"])).await.expect(200);
    assert_eq!(server.names("/apis/pets/operations").await, ["three", "two"]);
    server.get("/apis/pets/operations/two/policies/policy").await.expect(200);
    server.get("/apis/pets/operations/one/policies/policy").await.refused(404, "ResourceNotFound");
    assert_eq!(server.get("/apis/pets").await.expect(200)["properties"]["apiRevision"], "1");
}

#[tokio::test]
async fn links_are_fetched() {
    let server = Server::with_service().await;
    let link = "https://files.local/spec/pets.json";
    let import = json!({"path": "pets", "format": "openapi+json-link", "value": link});
    let message = server.set("/apis/pets", import.clone()).await.refused(400, "ValidationError");
    assert!(message.contains("404"), "{message}");
    server
        .documents
        .0
        .lock()
        .unwrap()
        .insert(link.to_owned(), description(&["one"]).to_string().into_bytes());
    let body = server.set("/apis/pets", import).await.expect(201);
    assert_eq!(body["properties"]["serviceUrl"], "https://files.local/v1");
    let bad = json!({"path": "bad", "format": "openapi", "value": "openapi: 3.0.1\ninfo: ["});
    server.set("/apis/bad", bad).await.refused(400, "ValidationError");
    server
        .set("/apis/bad", json!({"path": "bad", "format": "wadl-xml", "value": "<x/>"}))
        .await
        .refused(400, "ValidationError");
    let graphql = json!({"path": "g", "displayName": "G", "format": "graphql-link", "value": link});
    let body = server.set("/apis/g", graphql).await.expect(201);
    assert_eq!(body["properties"]["type"], "graphql");
    assert_eq!(server.names("/apis/g/schemas").await, ["graphql"]);
    let resolver = json!({"displayName": "R", "path": "Query/pets"});
    server.set("/apis/g/resolvers/r", resolver).await.expect(201);
    server
        .set("/apis/g/resolvers/r/policies/policy", json!({"value": "<http-data-source />"}))
        .await
        .expect(201);
}

#[tokio::test]
async fn an_export_is_read_behind_its_link() {
    let server = Server::with_service().await;
    let import =
        json!({"path": "pets", "format": "openapi+json", "value": description(&["one"]).to_string()});
    server.set("/apis/pets", import).await.expect(201);
    let body = server.get("/apis/pets?export=true&format=openapi%2Bjson-link").await.expect(200);
    assert_eq!(body["properties"]["value"], body["value"]);
    let link = body["value"]["link"].as_str().unwrap().strip_prefix("https://localhost:9443").unwrap();
    let request = Request::get(link).body(Body::empty()).unwrap();
    let response = server.router.clone().oneshot(request).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let exported: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(exported["servers"][0]["url"], "http://svc1.gateway.localhost:8080/pets");
    assert!(exported["paths"]["/one/{id}"]["get"].is_object());
    let inline = server.get("/apis/pets?export=True&format=openapi").await.expect(200);
    assert!(inline["value"].as_str().unwrap().contains("openapi:"));
    server.get("/apis/pets?export=true&format=wadl-link").await.refused(400, "ValidationError");
    server.get("/exports/none").await.refused(404, "ResourceNotFound");
}
