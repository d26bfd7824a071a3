//! Who is let in, and how those are told who are not.

use serde_json::json;

use crate::harness::{Config, Echo, World};

const HEADER: &str = "Ocp-Apim-Subscription-Key";

fn config(echo: &Echo) -> Config {
    let url = format!("http://{}", echo.address);
    let api = |path: &str, required: bool| json!({"path": path, "serviceUrl": url, "subscriptionRequired": required});
    let subscription =
        |scope: &str, state: &str, owner: &str| json!({"scope": scope, "state": state, "ownerId": owner});
    let keys = |name: &str| json!({"primaryKey": format!("{name}-1"), "secondaryKey": format!("{name}-2")});
    let mut config = Config::new("one")
        .put("/products/starter", json!({"state": "published", "subscriptionRequired": true}))
        .put("/products/starter/apis/closed", json!({}))
        .put("/products/draft", json!({"state": "notPublished", "subscriptionRequired": true}))
        .put("/products/draft/apis/closed", json!({}))
        .put("/products/free", json!({"state": "published", "subscriptionRequired": false}))
        .put("/products/free/apis/open", json!({}))
        .put("/users/bob", json!({"state": "blocked"}))
        .put("/users/ann", json!({"state": "active"}));
    let mut own = api("own", true);
    own["subscriptionKeyParameterNames"] = json!({"header": "X-Key", "query": "key"});
    for (name, api) in [
        ("closed", api("closed", true)),
        ("other", api("other", true)),
        ("open", api("open", true)),
        ("none", api("none", false)),
        ("own", own),
    ] {
        config = config.put(&format!("/apis/{name}"), api).operation(name, "x", "GET", "/x");
    }
    for (name, scope, state, owner) in [
        ("product", "/products/starter", "active", "/users/ann"),
        ("draft", "/products/draft", "active", "/users/ann"),
        ("api", "/apis/closed", "active", "/users/ann"),
        ("all", "/apis", "active", ""),
        ("suspended", "/products/starter", "suspended", "/users/ann"),
        ("expired", "/products/starter", "expired", "/users/ann"),
        ("blocked", "/products/starter", "active", "/users/bob"),
    ] {
        config =
            config.secret(&format!("/subscriptions/{name}"), subscription(scope, state, owner), keys(name));
    }
    config
}

#[tokio::test]
async fn keys_open_what_their_scope_says() {
    let echo = Echo::start().await;
    let world = World::new([config(&echo)]);
    let check = async |path: &str, key: Option<&str>, status: u16| {
        let headers: Vec<_> = key.iter().map(|key| (HEADER, *key)).collect();
        let answer = world.send("GET", path, &headers, "").await;
        assert_eq!(answer.status, status, "{path} {key:?}: {answer:?}");
    };
    check("/closed/x", Some("product-1"), 200).await;
    check("/closed/x", Some("product-2"), 200).await;
    check("/closed/x", Some("api-1"), 200).await;
    check("/closed/x", Some("all-1"), 200).await;
    check("/closed/x", None, 401).await;
    check("/closed/x", Some("wrong"), 401).await;
    check("/closed/x", Some("draft-1"), 401).await;
    check("/closed/x", Some("suspended-1"), 401).await;
    check("/closed/x", Some("expired-1"), 401).await;
    check("/closed/x", Some("blocked-1"), 401).await;
    check("/other/x", Some("product-1"), 401).await;
    check("/other/x", Some("api-1"), 401).await;
    check("/other/x", Some("all-1"), 200).await;
    check("/open/x", None, 200).await;
    check("/open/x", Some("wrong"), 200).await;
    check("/none/x", None, 200).await;
    check("/none/x", Some("wrong"), 401).await;
    check("/closed/x?subscription-key=product-1", None, 200).await;
    check("/closed/x?subscription-key=wrong", None, 401).await;
    check("/closed/x?subscription-key=product-1", Some("wrong"), 401).await;
    check("/own/x", Some("all-1"), 401).await;
    check("/own/x?key=all-1", None, 200).await;
    check("/closed/unknown", None, 404).await;
    assert_eq!(world.send("GET", "/own/x", &[("x-key", "all-2")], "").await.status, 200);
}

#[tokio::test]
async fn those_kept_out_are_told_as_the_original_tells_them() {
    let echo = Echo::start().await;
    let world = World::new([config(&echo)]);
    let missing = world.get("/closed/x").await;
    assert_eq!(
        missing.body,
        r#"{ "statusCode": 401, "message": "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API." }"#
    );
    assert_eq!(
        missing.header("www-authenticate"),
        Some(
            r#"AzureApiManagementKey realm="http://one.gateway.localhost/closed",name="Ocp-Apim-Subscription-Key",type="header""#
        )
    );
    let invalid = world.send("GET", "/own/x", &[("X-Key", "no")], "").await;
    assert_eq!(
        invalid.body,
        r#"{ "statusCode": 401, "message": "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription." }"#
    );
    assert!(invalid.header("www-authenticate").unwrap().contains(r#"name="X-Key""#));
    assert_eq!(echo.requests(), 0);
    let metrics = world.metrics();
    assert!(
        metrics.contains(r#"evergate_gateway_requests_total{service="one",api="closed",status="4xx"} 1"#),
        "{metrics}"
    );
}
