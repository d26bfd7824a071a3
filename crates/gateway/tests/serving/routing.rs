//! From URL to upstream URL: one table.

use serde_json::json;

use crate::harness::{Config, Echo, World};

fn config(echo: &Echo) -> Config {
    let url = |path: &str| format!("http://{}{path}", echo.address);
    let open = |path: &str, base: &str| json!({"path": path, "serviceUrl": url(base), "subscriptionRequired": false});
    let with = |mut value: serde_json::Value, more: serde_json::Value| {
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        value
    };
    Config::new("one")
        .put("/apis/pets", open("pets", "/v1/"))
        .operation("pets", "root", "GET", "/")
        .operation("pets", "byId", "GET", "/pets/{petId}")
        .operation("pets", "special", "GET", "/pets/special")
        .operation("pets", "make", "POST", "/pets")
        .operation("pets", "photos", "GET", "/pets/{id}/photos?size={size}")
        .operation("pets", "photosAll", "GET", "/pets/{id}/photos")
        .operation("pets", "files", "GET", "/files/{*rest}")
        .operation("pets", "any", "PUT", "/*")
        .operation("pets", "odata", "GET", "/Users('{name}')/{year}-{month}.json")
        .put("/apis/pets-deep", open("pets/deep", "/deep"))
        .operation("pets-deep", "x", "GET", "/x")
        .put("/apis/pets;rev=2", with(open("pets", "/rev2"), json!({"apiRevision": "2", "isCurrent": false})))
        .operation("pets;rev=2", "byId", "GET", "/pets/{petId}")
        .put("/apiVersionSets/seg", json!({"versioningScheme": "Segment"}))
        .put("/apiVersionSets/query", json!({"versioningScheme": "Query", "versionQueryName": "ver"}))
        .put("/apiVersionSets/header", json!({"versioningScheme": "Header", "versionHeaderName": "X-Ver"}))
        .put(
            "/apis/seg1",
            with(open("seg", "/s1"), json!({"apiVersion": "v1", "apiVersionSetId": "/apiVersionSets/seg"})),
        )
        .operation("seg1", "x", "GET", "/x")
        .put("/apis/seg0", with(open("seg", "/s0"), json!({"apiVersionSetId": "/apiVersionSets/seg"})))
        .operation("seg0", "x", "GET", "/x")
        .put(
            "/apis/q1",
            with(open("q", "/q1"), json!({"apiVersion": "v1", "apiVersionSetId": "/apiVersionSets/query"})),
        )
        .operation("q1", "x", "GET", "/x")
        .put("/apis/q0", with(open("q", "/q0"), json!({"apiVersionSetId": "/apiVersionSets/query"})))
        .operation("q0", "x", "GET", "/x")
        .put(
            "/apis/h1",
            with(open("h", "/h1"), json!({"apiVersion": "v1", "apiVersionSetId": "/apiVersionSets/header"})),
        )
        .operation("h1", "x", "GET", "/x")
        .put("/apis/empty", open("", ""))
        .operation("empty", "hello", "GET", "/hello")
        .operation("empty", "headed", "HEAD", "/hello")
        .operation("empty", "options", "OPTIONS", "/hello")
}

#[tokio::test]
async fn requests_find_their_operation() {
    let echo = Echo::start().await;
    let world = World::new([config(&echo)]);
    let table = [
        ("GET", "/pets", "/v1"),
        ("GET", "/pets/", "/v1/"),
        ("GET", "/PETS/Pets/7?a=b&c", "/v1/Pets/7?a=b&c"),
        ("GET", "/pets/pets/special", "/v1/pets/special"),
        ("POST", "/pets/pets/special", "404"),
        ("POST", "/pets/pets", "/v1/pets"),
        ("GET", "/pets/pets/7/photos?size=2", "/v1/pets/7/photos?size=2"),
        ("GET", "/pets/pets/7/photos", "/v1/pets/7/photos"),
        ("GET", "/pets/pets/a%20b", "/v1/pets/a%20b"),
        ("GET", "/pets/pets/a%2Fb", "/v1/pets/a%2Fb"),
        ("GET", "/pets/pets", "404"),
        ("GET", "/pets/files/a/b/c", "/v1/files/a/b/c"),
        ("GET", "/pets/files", "/v1/files"),
        ("PUT", "/pets/what/ever/", "/v1/what/ever/"),
        ("DELETE", "/pets/what", "404"),
        ("GET", "/pets/users('ann')/2020-05.json", "/v1/users('ann')/2020-05.json"),
        ("GET", "/pets/users('ann')/2020-05.xml", "404"),
        ("GET", "/pets/deep/x", "/deep/x"),
        ("GET", "/pets/deep/y", "404"),
        ("GET", "/pets;rev=2/pets/7", "/rev2/pets/7"),
        ("GET", "/pets;rev=1/pets/7", "/v1/pets/7"),
        ("GET", "/pets;rev=3/pets/7", "404"),
        ("GET", "/seg/v1/x", "/s1/x"),
        ("GET", "/seg/x", "/s0/x"),
        ("GET", "/seg/v2/x", "404"),
        ("GET", "/q/x?ver=v1", "/q1/x?ver=v1"),
        ("GET", "/q/x", "/q0/x"),
        ("GET", "/q/x?ver=v9", "404"),
        ("GET", "/h/x", "404"),
        ("GET", "/hello", "/hello"),
        ("OPTIONS", "/hello", "/hello"),
        ("GET", "/nothing", "404"),
        ("GET", "/pets/pets/../files/x", "/v1/files/x"),
        ("GET", "/pets/pets/%2e%2e/files/x", "/v1/files/x"),
        ("GET", "/pets/../../hello", "/hello"),
        ("GET", "/pets/pets/..%2fadmin", "400"),
        ("GET", "http://one.gateway.localhost/hello", "/hello"),
    ];
    for (method, path, expected) in table {
        let answer = world.send(method, path, &[], "").await;
        assert_eq!(answer.target(), expected, "{method} {path}: {answer:?}");
    }
    let versioned = world.send("GET", "/h/x", &[("X-Ver", "v1")], "").await;
    assert_eq!(versioned.target(), "/h1/x");
    let headed = world.send("HEAD", "/hello", &[], "").await;
    assert_eq!((headed.status, headed.body.as_str()), (200, ""));
    let missing = world.get("/nothing").await;
    assert_eq!(missing.body, r#"{ "statusCode": 404, "message": "Resource not found" }"#);
    assert_eq!(missing.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn hosts_find_their_service() {
    let echo = Echo::start().await;
    let one = Config::new("one").api("a", "one", echo.address).operation("a", "x", "GET", "/x");
    let mut two = Config::new("Two").api("a", "two", echo.address).operation("a", "x", "GET", "/x");
    two.0.hostnames = vec!["api.example.com".to_owned()];
    let only = World::new([one.clone()]);
    let both = World::new([one, two]);
    let check = async |world: &World, host: &str, path: &str, status: u16| {
        assert_eq!(world.send("GET", path, &[("Host", host)], "").await.status, status, "{host}{path}");
    };
    check(&only, "127.0.0.1:8080", "/one/x", 200).await;
    check(&only, "whatever", "/one/x", 200).await;
    check(&both, "one.gateway.localhost:8080", "/one/x", 200).await;
    check(&both, "ONE.Gateway.Localhost", "/one/x", 200).await;
    check(&both, "two.gateway.localhost", "/two/x", 200).await;
    check(&both, "two.gateway.localhost", "/one/x", 404).await;
    check(&both, "api.example.com", "/two/x", 200).await;
    check(&both, "whatever", "/one/x", 404).await;
    check(&both, "whatever", "/status-0123456789abcdef", 200).await;
}
