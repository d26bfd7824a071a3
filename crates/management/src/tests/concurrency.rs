//! Writes that cross each other: none is lost.

use super::*;

#[tokio::test]
async fn writers_that_meet_plan_again() {
    let server = Server::with_service().await;
    let writes = (0..16).map(|index| {
        let path = format!("/apis/api{index}");
        let server = &server;
        // All of them look at all other APIs' paths, so all but one find the service changed.
        async move {
            let api = json!({"displayName": "A", "path": format!("path{}", index % 8)});
            server.set(&path, api).await.status.as_u16()
        }
    });
    let mut statuses = futures_util::future::join_all(writes).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [[201; 8], [400; 8]].concat());
}

#[tokio::test]
async fn patches_that_meet_keep_each_other() {
    let server = Server::with_service().await;
    server.set("/products/p", json!({"displayName": "P"})).await.expect(201);
    for round in 0..5 {
        let names = ["displayName", "description", "terms"];
        let patches = names.map(|name| {
            let server = &server;
            async move { server.patch("/products/p", json!({"properties": {name: format!("{round}")}})).await }
        });
        for patched in futures_util::future::join_all(patches).await {
            patched.expect(200);
        }
        let product = server.get("/products/p").await.expect(200);
        for name in names {
            assert_eq!(product["properties"][name], format!("{round}"), "{name}");
        }
    }
}

#[tokio::test]
async fn a_new_key_is_not_taken_back_by_a_write_that_met_it() {
    let server = Server::with_service().await;
    let subscription = |name: String| json!({"scope": "/apis", "displayName": name});
    server.set("/subscriptions/s", subscription("S".to_owned())).await.expect(201);
    for round in 0..5 {
        let before = server.post("/subscriptions/s/listSecrets", None).await.expect(200);
        let (written, regenerated) = tokio::join!(
            server.set("/subscriptions/s", subscription(format!("{round}"))),
            server.post("/subscriptions/s/regeneratePrimaryKey", None),
        );
        written.expect(200);
        regenerated.expect(204);
        let after = server.post("/subscriptions/s/listSecrets", None).await.expect(200);
        assert_ne!(before["primaryKey"], after["primaryKey"]);
        assert_eq!(before["secondaryKey"], after["secondaryKey"]);
    }
}

#[tokio::test]
async fn patches_of_a_service_that_meet_keep_each_other() {
    let server = Server::with_service().await;
    for round in 0..5 {
        let value = format!("v{round}");
        let (one, two) = tokio::join!(
            server.patch(SERVICE, json!({"properties": {"publisherName": value}})),
            server.patch(SERVICE, json!({"properties": {"customProperties": {"x": value}}})),
        );
        one.expect(200);
        two.expect(200);
        let service = server.get(SERVICE).await.expect(200);
        assert_eq!(service["properties"]["publisherName"], value);
        assert_eq!(service["properties"]["customProperties"]["x"], value);
    }
}
