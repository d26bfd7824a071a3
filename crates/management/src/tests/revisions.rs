//! Revisions of APIs and their releases.

use super::*;

async fn server() -> Server {
    let server = Server::with_service().await;
    server
        .set("/apis/pets", json!({"displayName": "Pets", "path": "pets", "serviceUrl": "http://one"}))
        .await
        .expect(201);
    let operation = json!({"displayName": "Get", "method": "GET", "urlTemplate": "/"});
    server.set("/apis/pets/operations/get", operation).await.expect(201);
    server
        .set("/apis/pets/operations/get/policies/policy", json!({"value": "<policies />"}))
        .await
        .expect(201);
    let revision = json!({"sourceApiId": format!("{SERVICE}/apis/pets"), "apiRevisionDescription": "second"});
    let body = server.set("/apis/pets%3Brev%3D2", revision).await.expect(201);
    assert_eq!(body["name"], "pets;rev=2");
    assert_eq!(body["properties"]["apiRevision"], "2");
    assert_eq!(body["properties"]["serviceUrl"], "http://one");
    assert!(body["properties"]["isCurrent"] == false);
    server
}

#[tokio::test]
async fn a_revision_is_made_from_the_current_one() {
    let server = server().await;
    assert_eq!(server.names("/apis/pets;rev=2/operations").await, ["get"]);
    server.get("/apis/pets;rev=2/operations/get/policies/policy").await.expect(200);
    let first = server.get("/apis/pets;rev=1").await.expect(200);
    assert_eq!(first["name"], "pets;rev=1");
    assert_eq!(first["properties"]["isCurrent"], true);
    assert_eq!(server.names("/apis/pets;rev=1/operations").await, ["get"]);
    server.get("/apis/pets;rev=3").await.refused(404, "ResourceNotFound");
    let list = server.get("/apis/pets/revisions").await.expect(200);
    insta::assert_json_snapshot!(list, @r#"
        {
          "value": [
            {
              "apiId": "/apis/pets;rev=1",
              "apiRevision": "1",
              "createdDateTime": "2026-01-02T03:04:05Z",
              "updatedDateTime": "2026-01-02T03:04:05Z",
              "description": null,
              "privateUrl": "/pets;rev=1",
              "isOnline": true,
              "isCurrent": true
            },
            {
              "apiId": "/apis/pets;rev=2",
              "apiRevision": "2",
              "createdDateTime": "2026-01-02T03:04:05Z",
              "updatedDateTime": "2026-01-02T03:04:05Z",
              "description": "second",
              "privateUrl": "/pets;rev=2",
              "isOnline": true,
              "isCurrent": false
            }
          ],
          "count": 2
        }
        "#);
    let moved = json!({"path": "dogs", "displayName": "x"});
    server.set("/apis/pets;rev=3", moved).await.refused(400, "ValidationError");
    server.set("/apis/cats;rev=2", json!({"path": "cats"})).await.refused(404, "ResourceNotFound");
}

#[tokio::test]
async fn a_release_makes_a_revision_current() {
    let server = server().await;
    server.patch("/apis/pets;rev=2", json!({"properties": {"serviceUrl": "http://two"}})).await.expect(200);
    server.delete("/apis/pets;rev=2/operations/get").await.expect(200);
    server.set("/products/free", json!({"displayName": "Free"})).await.expect(201);
    server.put("/products/free/apis/pets", json!({})).await.expect(201);
    let release = json!({"apiId": format!("{SERVICE}/apis/pets;rev=2"), "notes": "better"});
    let body = server.set("/apis/pets/releases/r1", release).await.expect(201);
    assert_eq!(body["properties"]["apiId"], format!("{SERVICE}/apis/pets;rev=2"));
    let current = server.get("/apis/pets").await.expect(200);
    assert_eq!(current["properties"]["serviceUrl"], "http://two");
    assert_eq!(current["properties"]["apiRevision"], "2");
    assert!(server.names("/apis/pets/operations").await.is_empty());
    assert_eq!(server.names("/apis/pets;rev=1/operations").await, ["get"]);
    server.get("/apis/pets;rev=1/operations/get/policies/policy").await.expect(200);
    assert_eq!(server.get("/apis/pets;rev=2").await.expect(200)["properties"]["isCurrent"], true);
    assert_eq!(server.names("/products/free/apis").await, ["pets"]);
    let back = json!({"apiId": "/apis/pets;rev=1"});
    server.set("/apis/pets/releases/r2", back).await.expect(201);
    assert_eq!(server.names("/apis/pets/operations").await, ["get"]);
    assert_eq!(server.names("/apis/pets/releases").await, ["r1", "r2"]);
    let other = json!({"apiId": "/apis/dogs;rev=1"});
    server.set("/apis/pets/releases/r3", other).await.refused(400, "ValidationError");
}

#[tokio::test]
async fn revisions_go_with_their_api_when_that_is_said() {
    let server = server().await;
    server.delete("/apis/pets").await.refused(400, "ValidationError");
    server.delete("/apis/pets?deleteRevisions=true").await.expect(204);
    assert!(server.names("/apis").await.is_empty());
}

#[tokio::test]
async fn a_revision_becomes_current_as_it_is_written() {
    let server = server().await;
    let third = json!({"sourceApiId": "/apis/pets", "isCurrent": true, "serviceUrl": "http://three"});
    let body = server.set("/apis/pets;rev=3", third).await.expect(201);
    assert_eq!(body["properties"]["isCurrent"], true);
    assert_eq!(server.get("/apis/pets").await.expect(200)["properties"]["serviceUrl"], "http://three");
    assert_eq!(server.names("/apis/pets/operations").await, ["get"]);
    server.patch("/apis/pets;rev=1", json!({"properties": {"isCurrent": true}})).await.expect(200);
    assert_eq!(server.get("/apis/pets").await.expect(200)["properties"]["serviceUrl"], "http://one");
}

#[tokio::test]
async fn a_clone_is_another_api() {
    let server = server().await;
    let clone = json!({"sourceApiId": "/apis/pets", "path": "cats", "displayName": "Cats"});
    server.set("/apis/cats", clone).await.expect(201);
    assert_eq!(server.names("/apis/cats/operations").await, ["get"]);
    assert_eq!(server.get("/apis/cats").await.expect(200)["properties"]["apiRevision"], "1");
}
