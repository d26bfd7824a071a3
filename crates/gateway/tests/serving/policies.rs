//! Policies as the upstream and the client see their effect.

use serde_json::json;

use crate::harness::{Config, Echo, World};

fn api(echo: &Echo) -> Config {
    Config::new("one")
        .api("a", "a", echo.address)
        .operation("a", "x", "GET", "/x/{id}")
        .operation("a", "post", "POST", "/x/{id}")
}

#[tokio::test]
async fn scopes_nest_where_base_says() {
    let echo = Echo::start().await;
    let trail = |name: &str| {
        format!(r#"<set-header name="x-trail" exists-action="append"><value>{name}</value></set-header>"#)
    };
    let around = |name: &str| {
        format!(
            "<policies><inbound>{}<base/>{}</inbound></policies>",
            trail(name),
            trail(&format!("{name}-end"))
        )
    };
    let config = api(&echo)
        .put("/products/p", json!({"state": "published", "subscriptionRequired": false}))
        .put("/products/p/apis/a", json!({}))
        .policy("", &around("service"))
        .policy("/products/p", &around("product"))
        .policy("/apis/a", &around("api"))
        .policy("/apis/a/operations/x", &around("operation"))
        .policy(
            "/apis/a/operations/post",
            &format!("<policies><inbound>{}</inbound></policies>", trail("alone")),
        );
    let world = World::new([config]);
    let seen = world.get("/a/x/1").await.seen();
    assert_eq!(
        seen["headers"]["x-trail"],
        "operation, api, product, service, service-end, product-end, api-end, operation-end"
    );
    let seen = world.send("POST", "/a/x/1", &[], "b").await.seen();
    assert_eq!(seen["headers"]["x-trail"], "alone");
}

#[tokio::test]
async fn requests_are_changed() {
    let echo = Echo::start().await;
    let other = Echo::start().await;
    let config = api(&echo)
        .secret("/namedValues/n1", json!({"displayName": "secret-value", "secret": true}), json!({"value": "s3<&>"}))
        .secret(
            "/backends/Other",
            json!({"url": format!("http://{}/other", other.address), "credentials": {"header": {"X-Auth": ["token"]}, "query": {"code": ["a b"]}}}),
            json!({}),
        );
    let check = async |policies: &str, path: &str, expected: &[(&str, &str)]| {
        let world = World::new([config.clone().inbound("/apis/a", policies)]);
        let seen = world.get(path).await.seen();
        for (pointer, value) in expected {
            assert_eq!(
                seen.pointer(pointer).and_then(|v| v.as_str()).unwrap_or("-"),
                *value,
                "{policies} {pointer} {seen}"
            );
        }
    };
    check(
        r#"<set-header name="X-S"><value>v {{secret-value}}</value></set-header>"#,
        "/a/x/1",
        &[("/headers/x-s", "v s3<&>")],
    )
    .await;
    check(
        r#"<set-header name="User-Agent" exists-action="delete"/>"#,
        "/a/x/1",
        &[("/headers/user-agent", "-")],
    )
    .await;
    check(
        r#"<set-query-parameter name="a" exists-action="override"><value>x y</value></set-query-parameter><set-query-parameter name="b" exists-action="delete"/><set-query-parameter name="c" exists-action="skip"><value>no</value></set-query-parameter><set-query-parameter name="d" exists-action="append"><value>2</value></set-query-parameter>"#,
        "/a/x/1?a=1&b=2&c=3&d=1",
        &[("/target", "/x/1?c=3&d=1&a=x%20y&d=2")],
    )
    .await;
    check(
        r#"<rewrite-uri template="/items/{id}/get?n={id}"/>"#,
        "/a/x/a%20b?q=1",
        &[("/target", "/items/a%20b/get?n=a%20b&q=1")],
    )
    .await;
    check(
        r#"<rewrite-uri template="/items" copy-unmatched-params="false"/>"#,
        "/a/x/1?q=1",
        &[("/target", "/items")],
    )
    .await;
    check(
        &format!(r#"<set-backend-service base-url="http://{}/moved/"/>"#, other.address),
        "/a/x/1",
        &[("/target", "/moved/x/1"), ("/headers/host", &other.address.to_string())],
    )
    .await;
    check(
        r#"<set-backend-service backend-id="other"/>"#,
        "/a/x/1?q=1",
        &[("/target", "/other/x/1?q=1&code=a%20b"), ("/headers/x-auth", "token")],
    )
    .await;
    check(
        r#"<set-method>POST</set-method><set-body>hello</set-body><set-header name="Host"><value>h</value></set-header>"#,
        "/a/x/1",
        &[("/method", "POST"), ("/body", "hello"), ("/headers/host", "h"), ("/headers/content-length", "5")],
    )
    .await;
}

#[tokio::test]
async fn responses_are_changed_or_made() {
    let echo = Echo::start().await;
    let responses = json!([
        {"statusCode": 200, "representations": [
            {"contentType": "text/xml", "examples": {"default": {"value": "<a/>"}}},
            {"contentType": "application/json", "examples": {"one": {"value": {"n": 1}}, "two": {"value": {"n": 2}}}},
        ]},
    ]);
    let config = api(&echo).put(
        "/apis/a/operations/x",
        json!({"method": "GET", "urlTemplate": "/x/{id}", "responses": responses}),
    );
    let check = async |xml: &str, status: u16, body: Option<&str>, headers: &[(&str, Option<&str>)]| {
        let world = World::new([config.clone().policy("/apis/a", &format!("<policies>{xml}</policies>"))]);
        let answer = world.get("/a/x/1").await;
        assert_eq!(answer.status, status, "{xml} {answer:?}");
        if let Some(body) = body {
            assert_eq!(answer.body, body, "{xml}");
        }
        for (name, value) in headers {
            assert_eq!(answer.header(name), *value, "{xml} {name}");
        }
    };
    let canned = "<return-response><set-status code=\"418\" reason=\"x\"/><set-header name=\"x-a\"><value>1</value><value>2</value></set-header><set-body>tea</set-body></return-response>";
    check(
        &format!("<inbound>{canned}</inbound>"),
        418,
        Some("tea"),
        &[("x-a", Some("1")), ("x-upstream", None)],
    )
    .await;
    check(&format!("<outbound>{canned}</outbound>"), 418, Some("tea"), &[("x-upstream", None)]).await;
    check("<inbound><mock-response/></inbound>", 200, Some("<a/>"), &[("content-type", Some("text/xml"))])
        .await;
    check(
        r#"<inbound><mock-response status-code="200" content-type="application/json" index="1"/></inbound>"#,
        200,
        Some(r#"{"n":2}"#),
        &[("content-type", Some("application/json"))],
    )
    .await;
    check(r#"<inbound><mock-response status-code="404"/></inbound>"#, 404, Some(""), &[]).await;
    check(
        r#"<outbound><set-header name="x-upstream" exists-action="delete"/><set-status code="201"/><set-body>new</set-body></outbound>"#,
        201,
        Some("new"),
        &[("x-upstream", None), ("content-length", Some("3"))],
    )
    .await;
    check("<backend/>", 200, Some(""), &[("x-upstream", None)]).await;
    check(
        r#"<inbound><set-backend-service backend-id="nowhere"/></inbound><on-error><set-header name="x-error"><value>1</value></set-header></on-error>"#,
        500,
        Some(r#"{ "statusCode": 500, "message": "The backend does not exist." }"#),
        &[("x-error", Some("1"))],
    )
    .await;
}

#[tokio::test]
async fn what_is_not_understood_is_refused_before_anything_happens() {
    let echo = Echo::start().await;
    let check = async |scope: &str, xml: &str, names: &str| {
        let world = World::new([api(&echo).policy(scope, xml)]);
        let answer = world.get("/a/x/1").await;
        assert_eq!(answer.status, 500, "{xml}");
        assert!(answer.body.contains(names), "{} does not name {names}", answer.body);
    };
    check("/apis/a", "<policies><outbound><validate-jwt/></outbound></policies>", "<validate-jwt>").await;
    check("", "<policies><inbound><choose/></inbound></policies>", "<choose>").await;
    check(
        "/apis/a",
        r#"<policies><inbound><set-header name="a"><value>@(context.RequestId)</value></set-header></inbound></policies>"#,
        "expressions",
    )
    .await;
    check(
        "/apis/a",
        r#"<policies><inbound><set-header name="a"><value>{{nobody}}</value></set-header></inbound></policies>"#,
        "'nobody'",
    )
    .await;
    check("/apis/a", "<policies><inbound>", "line 1").await;
    assert_eq!(echo.requests(), 0);
    // A scope that is not reached does not matter.
    let world =
        World::new([api(&echo).policy("", "<policies><inbound><choose/></inbound></policies>").policy(
            "/apis/a",
            "<policies><inbound/><backend><forward-request/></backend><outbound/><on-error/></policies>",
        )]);
    assert_eq!(world.get("/a/x/1").await.status, 200);
}

#[tokio::test]
async fn guards_keep_out() {
    let echo = Echo::start().await;
    let check = async |policies: &str, headers: &[(&str, &str)], status: u16| {
        let world = World::new([api(&echo).inbound("/apis/a", policies)]);
        let answer = world.send("GET", "/a/x/1", headers, "").await;
        assert_eq!(answer.status, status, "{policies} {answer:?}");
    };
    check(r#"<ip-filter action="allow"><address>127.0.0.1</address></ip-filter>"#, &[], 200).await;
    check(r#"<ip-filter action="allow"><address>10.0.0.0/8</address></ip-filter>"#, &[], 403).await;
    check(
        r#"<ip-filter action="forbid"><address-range from="127.0.0.0" to="127.0.0.9"/></ip-filter>"#,
        &[],
        403,
    )
    .await;
    let header = r#"<check-header name="X-Kind" failed-check-httpcode="412" failed-check-error-message="no" ignore-case="true"><value>A</value><value>b</value></check-header>"#;
    check(header, &[("x-kind", "B")], 200).await;
    check(header, &[("x-kind", "c")], 412).await;
    check(header, &[], 412).await;
}

#[tokio::test]
async fn limits_count_each_subscription() {
    let echo = Echo::start().await;
    let mut config = api(&echo).inbound(
        "/apis/a",
        r#"<rate-limit calls="3" renewal-period="86400" remaining-calls-header-name="x-left" total-calls-header-name="x-total"><api id="a"><operation id="x" calls="2" renewal-period="86400"/></api></rate-limit>"#,
    );
    for name in ["s1", "s2"] {
        let properties = json!({"scope": "/apis", "state": "active"});
        config = config.secret(&format!("/subscriptions/{name}"), properties, json!({"primaryKey": name}));
    }
    let world = World::new([config.clone()]);
    let call = async |key: &str| world.send("GET", "/a/x/1", &[("Ocp-Apim-Subscription-Key", key)], "").await;
    let first = call("s1").await;
    assert_eq!((first.status, first.header("x-left"), first.header("x-total")), (200, Some("1"), Some("2")));
    assert_eq!(call("s1").await.status, 200);
    let third = call("s1").await;
    assert_eq!(third.status, 429);
    assert!(third.header("retry-after").is_some());
    assert!(
        third.body.starts_with(r#"{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in "#)
    );
    assert_eq!(call("s2").await.status, 200, "another subscription has its own count");

    // An edit elsewhere refills nothing.
    world.snapshots.send_replace(crate::harness::snapshot([config
        .api("b", "b", echo.address)
        .operation("b", "x", "GET", "/x")]));
    while world.get("/b/x").await.status != 200 {}
    assert_eq!(call("s1").await.status, 429);
}

#[tokio::test]
async fn quotas_count_calls_and_bytes() {
    let echo = Echo::start().await;
    let check = async |quota: &str, statuses: &[u16], says: &str| {
        let world = World::new([api(&echo).inbound("/apis/a", quota)]);
        let mut last = String::new();
        for status in statuses {
            let answer = world.get("/a/x/1").await;
            assert_eq!(answer.status, *status, "{quota} {answer:?}");
            last = answer.body;
        }
        assert!(last.contains(says), "{last}");
    };
    check(
        r#"<quota calls="2" renewal-period="3600"/>"#,
        &[200, 200, 403],
        "Out of call volume quota. Quota will be replenished in 0",
    )
    .await;
    check(r#"<quota calls="1" renewal-period="0"/>"#, &[200, 403], "\"Out of call volume quota.\"").await;
    let header = "x".repeat(600);
    let long = format!(
        r#"<set-header name="x-long"><value>{header}</value></set-header><quota bandwidth="1" renewal-period="60"/>"#
    );
    check(&long, &[200, 200, 403], "Out of bandwidth quota.").await;
}

#[tokio::test]
async fn cross_origin_requests_follow_the_policy() {
    let echo = Echo::start().await;
    let cors = r#"<cors allow-credentials="true"><allowed-origins><origin>https://good.example/</origin></allowed-origins><allowed-methods preflight-result-max-age="60"><method>GET</method><method>PUT</method></allowed-methods><allowed-headers><header>x-a</header></allowed-headers><expose-headers><header>x-upstream</header></expose-headers></cors>"#;
    let open = cors.replacen("allow-credentials=\"true\"", "terminate-unmatched-request=\"false\"", 1);
    let world = World::new([api(&echo).inbound("/apis/a", cors)]);
    let lax = World::new([api(&echo).inbound("/apis/a", &open)]);
    let good = ("Origin", "https://good.example");
    let bad = ("Origin", "https://bad.example");
    let put = ("Access-Control-Request-Method", "PUT");

    let answer =
        world.send("OPTIONS", "/a/x/1", &[good, put, ("Access-Control-Request-Headers", "X-A")], "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://good.example"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET, PUT"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("X-A"));
    assert_eq!(answer.header("access-control-max-age"), Some("60"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    for refused in [
        world.send("OPTIONS", "/a/x/1", &[bad, put], "").await,
        world.send("OPTIONS", "/a/x/1", &[good, ("Access-Control-Request-Method", "DELETE")], "").await,
        world.send("OPTIONS", "/a/x/1", &[good, put, ("Access-Control-Request-Headers", "x-b")], "").await,
        world.send("GET", "/a/x/1", &[bad], "").await,
    ] {
        assert_eq!((refused.status, refused.header("access-control-allow-origin")), (200, None));
        assert_eq!(refused.body, "");
    }
    assert_eq!(echo.requests(), 0);
    let actual = world.send("GET", "/a/x/1", &[good], "").await;
    assert_eq!(actual.header("access-control-allow-origin"), Some("https://good.example"));
    assert_eq!(actual.header("access-control-expose-headers"), Some("x-upstream"));
    let through = lax.send("GET", "/a/x/1", &[bad], "").await;
    assert_eq!((through.status, through.header("access-control-allow-origin")), (200, None));
    assert_eq!(echo.requests(), 2);
}
