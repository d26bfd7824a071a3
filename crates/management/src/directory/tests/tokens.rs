//! Client credentials, what is refused and how, and the tokens themselves.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use evergate_identity::directory::assignments::NewAssignment;
use evergate_identity::{AssignmentId, PrincipalKind, RoleDefinition};
use serde_json::json;

use super::*;

#[tokio::test]
async fn discovery_names_endpoints_and_keys_of_this_host() {
    let server = Server::start().await;
    let tenant = server.made.tenant_id.to_string();
    for (path, issuer, token) in [
        (format!("/{tenant}/v2.0/.well-known/openid-configuration"), "v2.0", "oauth2/v2.0/token"),
        (format!("/{tenant}/.well-known/openid-configuration"), "", "oauth2/token"),
        ("/organizations/v2.0/.well-known/openid-configuration".to_owned(), "v2.0", "oauth2/v2.0/token"),
    ] {
        let answer = server.get(&path).await;
        assert_eq!(answer.json["issuer"], format!("{AUTHORITY}/{tenant}/{issuer}"), "{path}");
        assert_eq!(answer.json["token_endpoint"], format!("{AUTHORITY}/{tenant}/{token}"), "{path}");
        let keys = answer.json["jwks_uri"].as_str().unwrap().strip_prefix(AUTHORITY).unwrap();
        let keys = server.get(keys).await.json;
        assert_eq!(keys["keys"][0]["kty"], "RSA");
        assert_eq!(keys["keys"][0]["e"], "AQAB");
    }
    let unknown = server.get(&format!("/{}/v2.0/.well-known/openid-configuration", uuid::Uuid::nil())).await;
    assert_eq!((unknown.status, &unknown.json["error_codes"]), (StatusCode::BAD_REQUEST, &json!([90002])));
}

#[tokio::test]
async fn an_application_gets_tokens_in_both_dialects() {
    let server = Server::start().await;
    let (id, secret) = (server.made.application_id.to_string(), server.made.client_secret.expose());
    let tenant = server.made.tenant_id.to_string();
    let common = [("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", secret)];
    let with = |name: &'static str, value: &'static str| [&common[..], &[(name, value)]].concat();

    for (scope, audience) in [
        ("https://localhost:9443/.default", "https://localhost:9443"),
        ("https://localhost:9443//.default", "https://localhost:9443/"),
        ("https://management.azure.com/.default", "https://management.azure.com"),
        ("https://management.azure.com//.default", "https://management.azure.com/"),
    ] {
        let path =
            format!("/{tenant}/oauth2/v2.0/token?client-request-id=11111111-2222-3333-4444-555555555555");
        let answer = server.post(&path, &with("scope", scope)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(answer.header("client-request-id"), "11111111-2222-3333-4444-555555555555");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.json["expires_in"], 3600);
        let token = answer.json["access_token"].as_str().unwrap();
        let claims = claims(token);
        assert_eq!(claims["aud"], audience);
        assert_eq!(claims["iss"], format!("{AUTHORITY}/{tenant}/v2.0"));
        assert_eq!((&claims["azp"], &claims["tid"]), (&json!(id), &json!(tenant)));
        assert_eq!(
            (&claims["idtyp"], &claims["ver"], &claims["scp"]),
            (&json!("app"), &json!("2.0"), &json!(null))
        );
        let principal = server.authenticate(token).await.unwrap();
        assert_eq!(
            (principal.kind, principal.tenant.as_str()),
            (PrincipalKind::Application, tenant.as_str())
        );
        assert_eq!(principal.object_id, claims["oid"]);
        server
            .directory
            .authorize(&principal, "Microsoft.ApiManagement/service/write", "/subscriptions/s")
            .unwrap();
    }

    let answer = server
        .post(&format!("/{tenant}/oauth2/token"), &with("resource", "https://management.azure.com/"))
        .await;
    assert_eq!(answer.json["expires_in"], "3600");
    assert_eq!(answer.json["resource"], "https://management.azure.com/");
    assert_eq!(answer.json["expires_on"], "1800003600");
    let token = answer.json["access_token"].as_str().unwrap();
    assert_eq!(claims(token)["iss"], format!("{AUTHORITY}/{tenant}/"));
    assert_eq!((&claims(token)["appid"], &claims(token)["ver"]), (&json!(id), &json!("1.0")));
    server.authenticate(token).await.unwrap();

    let basic = STANDARD.encode(format!("{id}:{secret}"));
    let form = [("grant_type", "client_credentials"), ("scope", "https://localhost:9443/.default")];
    let request = form_request(&server.path("/oauth2/v2.0/token"), &form);
    let request = request.header(AUTHORIZATION, format!("Basic {basic}")).body(encode(&form)).unwrap();
    assert_eq!(server.send(request).await.status, StatusCode::OK);
}

/// A form, and the status, error and number it is refused with.
type Refusal<'a> = (&'a [(&'a str, &'a str)], u16, &'a str, u32);

#[tokio::test]
async fn refusals_carry_the_codes_that_clients_know() {
    let server = Server::start().await;
    let (id, secret) =
        (server.made.application_id.to_string(), server.made.client_secret.expose().to_owned());
    let (native, _) = server.application("native", ApplicationKind::Native, true).await;
    let (fresh, fresh_secret) = server.application("fresh", ApplicationKind::Confidential, false).await;
    let (native, fresh) = (native.id.to_string(), fresh.id.to_string());
    let scope = "https://localhost:9443/.default";
    let cc = "client_credentials";
    let nobody = uuid::Uuid::nil().to_string();
    let cases: &[Refusal<'_>] = &[
        (&[], 400, "invalid_request", 900_144),
        (&[("grant_type", "password")], 400, "unsupported_grant_type", 70_003),
        (&[("grant_type", cc)], 400, "invalid_request", 900_144),
        (&[("grant_type", cc), ("client_id", &nobody)], 400, "unauthorized_client", 700_016),
        (&[("grant_type", cc), ("client_id", "x")], 400, "unauthorized_client", 700_016),
        (&[("grant_type", cc), ("client_id", &id)], 401, "invalid_client", 7_000_218),
        (&[("grant_type", cc), ("client_id", &native)], 401, "unauthorized_client", 700_025),
        (&[("grant_type", cc), ("client_id", &id), ("client_secret", "x")], 401, "invalid_client", 7_000_215),
        (
            &[("grant_type", cc), ("client_id", &id), ("client_secret", &secret)],
            400,
            "invalid_request",
            900_144,
        ),
        (
            &[
                ("grant_type", cc),
                ("client_id", &id),
                ("client_secret", &secret),
                ("scope", "https://other/.default"),
            ],
            400,
            "invalid_resource",
            500_011,
        ),
        (
            &[
                ("grant_type", cc),
                ("client_id", &id),
                ("client_secret", &secret),
                ("scope", "https://localhost:9443/user_impersonation"),
            ],
            400,
            "invalid_scope",
            1_002_012,
        ),
        (
            &[("grant_type", cc), ("client_id", &id), ("client_secret", &secret), ("scope", "nonsense")],
            400,
            "invalid_scope",
            70_011,
        ),
        (
            &[("grant_type", cc), ("client_id", &fresh), ("client_secret", &fresh_secret), ("scope", scope)],
            400,
            "invalid_grant",
            65_001,
        ),
        (&[("grant_type", "refresh_token"), ("client_id", &native)], 400, "invalid_request", 900_144),
        (
            &[("grant_type", "refresh_token"), ("client_id", &native), ("refresh_token", "a.b")],
            400,
            "invalid_grant",
            70_008,
        ),
        (
            &[("grant_type", "authorization_code"), ("client_id", &native), ("code", "x")],
            400,
            "invalid_grant",
            70_008,
        ),
        (&[("grant_type", cc), ("grant_type", cc)], 400, "invalid_request", 9_002_313),
    ];
    for (form, status, error, number) in cases {
        let answer = server.token(form).await;
        assert_eq!(answer.status.as_u16(), *status, "{form:?} {}", answer.text);
        assert_eq!(
            (&answer.json["error"], &answer.json["error_codes"]),
            (&json!(error), &json!([number])),
            "{form:?}"
        );
        let description = answer.json["error_description"].as_str().unwrap();
        assert!(description.starts_with(&format!("AADSTS{number}: ")), "{description}");
        assert!(!answer.text.contains(&secret) && !answer.text.contains(&fresh_secret));
        for name in ["timestamp", "trace_id", "correlation_id", "error_uri"] {
            assert!(answer.json[name].is_string(), "{name}");
        }
    }
    let json_body = Request::post(server.path("/oauth2/v2.0/token")).header(CONTENT_TYPE, "application/json");
    let answer = server.send(json_body.body(Body::from("{}")).unwrap()).await;
    assert_eq!(answer.json["error_codes"], json!([9_002_313]));
}

#[tokio::test]
async fn withdrawn_consent_and_expired_secrets_end_the_tokens() {
    let server = Server::start().await;
    let (application, secret) = server.application("robot", ApplicationKind::Confidential, true).await;
    let id = application.id.to_string();
    server.client_token(&id, &secret).await;
    let grants = server.directory.grants(server.made.tenant_id);
    let grant = grants.iter().find(|grant| grant.client == application.id).unwrap();
    server.directory.revoke_grant(server.made.tenant_id, grant.id).await.unwrap();
    let scope = format!("{AUTHORITY}/.default");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &id),
        ("client_secret", &secret),
        ("scope", &scope),
    ];
    let answer = server.token(&form).await;
    assert_eq!(
        (&answer.json["error_codes"], &answer.json["suberror"]),
        (&json!([65_001]), &json!("consent_required"))
    );
    server.pass(3 * 365 * 24 * 3600);
    assert_eq!(server.token(&form).await.json["error_codes"], json!([7_000_222]));
}

#[tokio::test]
async fn every_bad_token_has_its_own_message() {
    let server = Server::start().await;
    let other = Server::start_with("https://other:1", |_| {}).await;
    let token = server.owner_token().await;
    let parts: Vec<&str> = token.split('.').collect();
    let header = |header: &Value| URL_SAFE_NO_PAD.encode(header.to_string());
    let key = server.get(&server.path("/discovery/keys")).await.json["keys"][0].clone();
    let altered_claims =
        URL_SAFE_NO_PAD.encode(claims(&token).to_string().replace("Evergate owner", "Evergate queen"));
    let foreign = {
        let id = other.made.application_id.to_string();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id.as_str()),
            ("client_secret", other.made.client_secret.expose()),
            ("scope", "https://other:1/.default"),
        ];
        other.token(&form).await.json["access_token"].as_str().unwrap().to_owned()
    };
    let none = header(&json!({ "alg": "none" }));
    // The public key as a shared secret: a verifier that believes the header's algorithm would accept this.
    let confused_head = format!("{}.{}", header(&json!({ "alg": "HS256", "kid": key["kid"] })), parts[1]);
    let modulus = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
    let hmac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &modulus);
    let confused_tag = URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&hmac, confused_head.as_bytes()));
    let unknown_key = header(&json!({ "alg": "RS256", "kid": "x" }));
    for (token, expected) in [
        (String::new(), "does not hold 'Bearer'"),
        ("nonsense".to_owned(), "malformed: it does not have three parts"),
        (format!("{none}.{}.", parts[1]), "algorithm 'none' is not accepted"),
        (format!("{confused_head}.{confused_tag}"), "algorithm 'HS256' is not accepted"),
        (format!("{unknown_key}.{}.{}", parts[1], parts[2]), "a key its issuer does not publish"),
        (format!("{}.{altered_claims}.{}", parts[0], parts[2]), "signature is not valid"),
        (format!("{}.{}.AAAA", parts[0], parts[1]), "signature is not valid"),
        (foreign, "issuer 'https://other:1/"),
    ] {
        let error = server.authenticate(&token).await.unwrap_err();
        assert!(error.contains(expected), "{error} for {token}");
    }
    assert!(
        server
            .directory
            .authenticate(None)
            .await
            .unwrap_err()
            .to_string()
            .contains("no 'Authorization' header")
    );

    server.pass(-1);
    assert!(server.authenticate(&token).await.unwrap_err().contains("not valid before"));
    server.pass(3600);
    server.authenticate(&token).await.unwrap();
    server.pass(1);
    assert!(server.authenticate(&token).await.unwrap_err().contains("expired at"));
}

#[tokio::test]
async fn a_token_for_another_audience_says_which_would_do() {
    let clock_of = |server: &Server| Arc::clone(&server.clock);
    let server = Server::start().await;
    let form_scope = "https://management.azure.com/.default";
    let id = server.made.application_id.to_string();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", id.as_str()),
        ("client_secret", server.made.client_secret.expose()),
        ("scope", form_scope),
    ];
    let token = server.token(&form).await.json["access_token"].as_str().unwrap().to_owned();
    let narrow =
        DirectoryConfig { audiences: vec![format!("{AUTHORITY}/")], ..config(AUTHORITY, &clock_of(&server)) };
    let narrow = Directory::open(server.records.clone(), narrow).await.unwrap();
    let error = narrow.authenticate(Some(&format!("Bearer {token}"))).await.unwrap_err();
    assert_eq!(error.code(), "InvalidAuthenticationTokenAudience");
    let expected = "the access token is for audience 'https://management.azure.com'; this endpoint accepts \
                    'https://localhost:9443/'";
    assert_eq!(error.to_string(), expected);
    let challenge = error.challenge(AUTHORITY);
    assert!(
        challenge.starts_with("Bearer authorization_uri=\"https://localhost:9443\", error=\"invalid_token\"")
    );
}

#[tokio::test]
async fn keys_rotate_and_old_ones_verify_until_their_tokens_have_expired() {
    let server = Server::start().await;
    let before = server.owner_token().await;
    server.pass(60);
    server.directory.rotate_keys().await.unwrap();
    let after = server.owner_token().await;
    let kid = |token: &str| {
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
    };
    assert_ne!(kid(&before), kid(&after));
    let keys = async || {
        server.get(&server.path("/discovery/v2.0/keys")).await.json["keys"].as_array().unwrap().len()
    };
    assert_eq!(keys().await, 2);
    server.authenticate(&before).await.unwrap();
    server.authenticate(&after).await.unwrap();

    let reopened = Directory::open(server.records.clone(), config(AUTHORITY, &server.clock)).await.unwrap();
    assert!(reopened.bootstrap().await.unwrap().is_none());
    for token in [&before, &after] {
        reopened.authenticate(Some(&format!("Bearer {token}"))).await.unwrap();
    }

    server.pass(3601);
    assert_eq!(keys().await, 1);
    assert!(server.authenticate(&before).await.unwrap_err().contains("a key its issuer does not publish"));
    server.directory.maintain().await.unwrap();
    server.pass(91 * 24 * 3600);
    server.directory.maintain().await.unwrap();
    assert_eq!(keys().await, 2, "the key's time had come");
}

#[tokio::test]
async fn deleting_an_application_ends_its_tokens_at_once() {
    let server = Server::start().await;
    let (application, secret) = server.application("robot", ApplicationKind::Confidential, true).await;
    let token = server.client_token(&application.id.to_string(), &secret).await;
    let principal = server.authenticate(&token).await.unwrap();
    let scope = "/subscriptions/s";
    let action = "Microsoft.ApiManagement/service/backup/action";
    let refused = server.directory.authorize(&principal, action, scope).unwrap_err().to_string();
    assert!(refused.contains(action) && refused.contains(scope) && refused.contains("'robot'"), "{refused}");
    let operator = RoleDefinition::by_name("API Management Service Operator Role").unwrap();
    let assignment = NewAssignment {
        id: AssignmentId::random(),
        scope: scope.to_owned(),
        role: operator.id,
        principal: principal.object_id.clone(),
        tenant: principal.tenant.clone(),
    };
    server.directory.assign(assignment).await.unwrap();
    server.directory.authorize(&principal, action, "/SUBSCRIPTIONS/s/resourceGroups/g").unwrap();
    server.directory.authorize(&principal, "Microsoft.ApiManagement/service/apis/read", scope).unwrap_err();
    server.directory.authorize(&principal, action, "/subscriptions/s2").unwrap_err();

    // The same object id in another directory's token is somebody else.
    let stranger = Principal { tenant: "elsewhere".to_owned(), ..principal.clone() };
    server.directory.authorize(&stranger, action, scope).unwrap_err();

    server.directory.delete_application(server.made.tenant_id, application.id).await.unwrap();
    assert!(server.authenticate(&token).await.unwrap_err().contains("does not exist any more"));
    server.directory.authorize(&principal, action, scope).unwrap_err();
}

#[tokio::test]
async fn guessing_a_secret_is_slowed_down_but_the_known_right_one_works_on() {
    let server = Server::start().await;
    let id = server.made.application_id.to_string();
    server.owner_token().await;
    let guess =
        [("grant_type", "client_credentials"), ("client_id", id.as_str()), ("client_secret", "guess")];
    for _ in 0..6 {
        assert_eq!(server.token(&guess).await.json["error_codes"], json!([7_000_215]));
    }
    assert_eq!(server.token(&guess).await.json["error_codes"], json!([50_053]));
    server.owner_token().await;
    for _ in 0..6 {
        assert_eq!(server.token(&guess).await.json["error_codes"], json!([7_000_215]));
    }
}

#[tokio::test]
async fn lost_access_is_recovered_by_whoever_starts_the_server() {
    let server = Server::start().await;
    let again = server.directory.recover_access().await.unwrap().unwrap();
    assert_eq!(again.application_id, server.made.application_id);
    server.client_token(&again.application_id.to_string(), again.client_secret.expose()).await;
    server.owner_token().await;
    let sign_in = |password: Secret| {
        let directory = Arc::clone(&server.directory);
        async move {
            directory.sign_in(again.tenant_id, "ADMIN@evergate.localhost", &password, None).await.is_ok()
        }
    };
    assert!(sign_in(again.password.clone()).await);
    assert!(!sign_in(server.made.password.clone()).await);
}

#[tokio::test]
async fn a_form_that_does_not_come_is_not_waited_for() {
    let server = Server::start().await;
    tokio::time::pause();
    for path in [server.path("/oauth2/v2.0/token"), "/devicelogin".to_owned()] {
        let never = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
        let cookie = format!("__Host-evergate-signin={}", "0".repeat(32));
        let request = form_request(&path, &[]).header(COOKIE, cookie).body(never).unwrap();
        assert_eq!(server.send(request).await.status, StatusCode::REQUEST_TIMEOUT, "{path}");
    }
}
