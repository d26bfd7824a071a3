//! What neither a client nor the owner of another service can bring about.

use serde_json::json;

use crate::harness::{Config, Echo, World};

#[tokio::test]
async fn a_client_cannot_have_a_policys_header_removed() {
    let echo = Echo::start().await;
    let set = r#"<set-header name="X-User" exists-action="override"><value>ann</value></set-header>"#;
    let config = Config::new("one")
        .api("a", "a", echo.address)
        .operation("a", "x", "GET", "/x")
        .inbound("/apis/a", set);
    let world = World::new([config]);
    let answer = world.send("GET", "/a/x", &[("Connection", "X-User"), ("X-User", "eve")], "").await;
    assert_eq!(answer.seen()["headers"]["x-user"], "ann");
}

#[tokio::test]
async fn a_value_cannot_lead_out_of_the_path_a_policy_puts_it_in() {
    let echo = Echo::start().await;
    let rewrite = r#"<rewrite-uri template="/files/{file}" copy-unmatched-params="false"/>"#;
    let config = Config::new("one")
        .put(
            "/apis/a",
            json!({"path": "a", "serviceUrl": format!("http://{}/base", echo.address), "subscriptionRequired": false}),
        )
        .operation("a", "get", "GET", "/get?file={file}")
        .inbound("/apis/a/operations/get", rewrite)
        .operation("a", "any", "GET", "/any/*");
    let world = World::new([config]);
    for (path, target) in [
        ("/a/get?file=x.txt", "/base/files/x.txt"),
        ("/a/get?file=x/y", "/base/files/x/y"),
        ("/a/get?file=../../admin", "400"),
        ("/a/get?file=%2e%2e/%2e%2e/admin", "400"),
        ("/a/get?file=..%2f..%2fadmin", "400"),
        ("/a/get?file=..", "400"),
        ("/a/get?file=..;/..;/admin", "400"),
        ("/a/any/..;/..;/admin", "400"),
    ] {
        assert_eq!(world.get(path).await.target(), target, "{path}");
    }
}

#[tokio::test]
async fn a_custom_host_never_takes_another_services_own() {
    let echo = Echo::start().await;
    let named = |name: &str| Config::new(name).api("a", name, echo.address).operation("a", "x", "GET", "/x");
    let (one, mut two) = (named("one"), named("two"));
    two.0.hostnames = vec!["one.gateway.localhost".to_owned(), "api.example.org".to_owned()];
    for configs in [[one.clone(), two.clone()], [two, one]] {
        let world = World::new(configs);
        assert_eq!(world.get("/one/x").await.status, 200);
        assert_eq!(world.get("/two/x").await.status, 404);
        assert_eq!(world.send("GET", "/two/x", &[("Host", "api.example.org")], "").await.status, 200);
    }
}
