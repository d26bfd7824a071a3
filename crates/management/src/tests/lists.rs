//! Collections: pages, filters and counts.

use super::*;

async fn server() -> Server {
    let server = Server::with_service().await;
    for index in 1..=7 {
        let product = json!({"displayName": format!("Product {index}"), "state": if index < 4 { "published" } else { "notPublished" }});
        server.set(&format!("/products/p{index}"), product).await.expect(201);
    }
    server
}

#[tokio::test]
async fn pages_follow_one_another() {
    let server = server().await;
    let mut path = "/products?$top=3".to_owned();
    let mut seen = Vec::new();
    loop {
        let body = server.get(&path).await.expect(200);
        assert_eq!(body["count"], 7);
        seen.push(body["value"].as_array().unwrap().len());
        match body["nextLink"].as_str() {
            Some(link) => path = link.strip_prefix("https://localhost:9443").unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, [3, 3, 1]);
    assert_eq!(server.names("/products?$skip=5").await, ["p6", "p7"]);
    assert!(server.names("/products?$skip=50").await.is_empty());
    for bad in ["$top=0", "$top=x", "$skip=-1"] {
        server.get(&format!("/products?{bad}")).await.refused(400, "InvalidParameter");
    }
}

#[tokio::test]
async fn filters_choose_before_pages_are_cut() {
    let server = server().await;
    assert_eq!(server.names("/products?$filter=state eq 'published'&$top=2&$skip=1").await, ["p2", "p3"]);
    assert_eq!(server.names("/products?$filter=name gt 'p6'").await, ["p7"]);
    assert_eq!(server.names("/products?$filter=contains(properties/displayName, '5')").await, ["p5"]);
    let body = server.get("/products?$filter=state eq 'published'&$top=2").await.expect(200);
    assert_eq!(body["count"], 3);
    assert!(body["nextLink"].as_str().unwrap().contains("filter"));
    let message = server.get("/products?$filter=state is 'x'").await.refused(400, "InvalidFilter");
    assert!(message.contains("character 7"), "{message}");
}
