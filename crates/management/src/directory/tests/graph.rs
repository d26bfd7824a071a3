//! Registrations, consent and people through their API, as `evergate app` and scripts use it.

use serde_json::json;

use super::*;

#[tokio::test]
async fn an_application_is_registered_granted_used_and_deleted() {
    let server = Server::start().await;
    let owner = server.owner_token().await;
    let access = json!([{
        "resourceAppId": "797f4846-ba00-4fd7-ba43-dac1f8f63013",
        "resourceAccess": [{ "id": "41094075-9dad-400e-a0bd-54e686782033", "type": "Scope" }],
    }]);
    let body = json!({
        "displayName": "it's a robot",
        "web": { "redirectUris": ["http://resources"] },
        "requiredResourceAccess": access,
    });
    let made = server.call(Method::POST, "/v1.0/applications", &owner, &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    assert_eq!(made.json["requiredResourceAccess"], access);
    assert_eq!(made.json["isFallbackPublicClient"], false);
    let (object, id) = (made.json["id"].as_str().unwrap(), made.json["appId"].as_str().unwrap());

    let path = format!("/v1.0/applications/{object}/addPassword");
    let secret = server.call(Method::POST, &path, &owner, &json!({})).await;
    let secret_text = secret.json["secretText"].as_str().unwrap();
    assert!(secret_text.starts_with(secret.json["hint"].as_str().unwrap()));
    let shown = server.call(Method::GET, &format!("/v1.0/applications/{object}"), &owner, &Value::Null).await;
    assert!(
        !shown.text.contains(secret_text) && shown.text.contains("\"secretText\":null"),
        "{}",
        shown.text
    );

    let principal =
        server.call(Method::POST, "/v1.0/servicePrincipals", &owner, &json!({ "appId": id })).await;
    assert_eq!(principal.status, StatusCode::CREATED);
    let again = server.call(Method::POST, "/v1.0/servicePrincipals", &owner, &json!({ "appId": id })).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let filter = "/v1.0/servicePrincipals?$filter=appId%20eq%20'797f4846-ba00-4fd7-ba43-dac1f8f63013'";
    let resource = server.call(Method::GET, filter, &owner, &Value::Null).await;
    assert_eq!(resource.json["value"][0]["oauth2PermissionScopes"][0]["value"], "user_impersonation");
    let grant = json!({
        "clientId": principal.json["id"],
        "consentType": "AllPrincipals",
        "resourceId": resource.json["value"][0]["id"],
        "scope": "user_impersonation",
    });
    let granted = server.call(Method::POST, "/v1.0/oauth2PermissionGrants", &owner, &grant).await;
    assert_eq!(granted.status, StatusCode::CREATED, "{}", granted.text);
    let token = server.client_token(id, secret_text).await;
    assert_eq!(server.authenticate(&token).await.unwrap().object_id, principal.json["id"]);

    let named = "/v1.0/applications?$filter=displayName%20eq%20'it''s%20a%20robot'";
    let found = server.call(Method::GET, named, &owner, &Value::Null).await;
    assert_eq!(found.json["value"].as_array().unwrap().len(), 1, "{}", found.text);
    let bad = server.call(Method::GET, "/v1.0/applications?$filter=x", &owner, &Value::Null).await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);

    let path = format!("/v1.0/applications/{object}/removePassword");
    let removed = server.call(Method::POST, &path, &owner, &json!({ "keyId": secret.json["keyId"] })).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    let gone =
        server.call(Method::DELETE, &format!("/v1.0/applications/{object}"), &owner, &Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let missing =
        server.call(Method::GET, &format!("/v1.0/applications/{object}"), &owner, &Value::Null).await;
    assert_eq!(missing.json["error"]["code"], "Request_ResourceNotFound");
}

#[tokio::test]
async fn wrong_registrations_are_refused() {
    let server = Server::start().await;
    let owner = server.owner_token().await;
    for (body, expected) in [
        (json!({}), "'displayName' is required"),
        (json!({ "displayName": " " }), "1 to 120 printable"),
        (json!({ "displayName": "x", "web": { "redirectUris": "y" } }), "not a list"),
        (json!({ "displayName": "x", "web": { "redirectUris": ["javascript:x"] } }), "not allowed"),
        (json!({ "displayName": "x", "requiredResourceAccess": [{}] }), "requiredResourceAccess"),
        (
            json!({ "displayName": "x", "requiredResourceAccess": [{
                "resourceAppId": "00000000-0000-0000-0000-000000000001",
                "resourceAccess": [{ "id": "00000000-0000-0000-0000-000000000002" }],
            }] }),
            "no delegated permission",
        ),
    ] {
        let answer = server.call(Method::POST, "/v1.0/applications", &owner, &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(answer.json["error"]["message"].as_str().unwrap().contains(expected), "{}", answer.text);
    }
    let built_in = "/v1.0/applications/04b07795-8ddb-461a-bbee-02f9e1bf7b46";
    assert_eq!(
        server.call(Method::DELETE, built_in, &owner, &Value::Null).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn people_are_made_changed_and_removed() {
    let server = Server::start().await;
    let owner = server.owner_token().await;
    let user = |password: &str| {
        json!({
            "displayName": "Ann",
            "userPrincipalName": "ann@example.org",
            "passwordProfile": { "password": password },
        })
    };
    let weak = server.call(Method::POST, "/v1.0/users", &owner, &user("short")).await;
    assert_eq!(weak.status, StatusCode::BAD_REQUEST);
    let made = server.call(Method::POST, "/v1.0/users", &owner, &user("a long enough one")).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let twice = server.call(Method::POST, "/v1.0/users", &owner, &user("a long enough one")).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    let path = format!("/v1.0/users/{}", made.json["id"].as_str().unwrap());
    let change = json!({ "passwordProfile": { "password": "quite another one" } });
    assert_eq!(server.call(Method::PATCH, &path, &owner, &change).await.status, StatusCode::NO_CONTENT);
    let sign_in = async |password: &str| {
        let tenant = server.made.tenant_id;
        server.directory.sign_in(tenant, "Ann@Example.org", &Secret::new(password), None).await.is_ok()
    };
    assert!(sign_in("quite another one").await && !sign_in("a long enough one").await);
    server.call(Method::PATCH, &path, &owner, &json!({ "accountEnabled": false })).await;
    assert!(!sign_in("quite another one").await);
    assert_eq!(server.call(Method::DELETE, &path, &owner, &Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.call(Method::GET, &path, &owner, &Value::Null).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn only_who_may_give_access_changes_the_directory() {
    let server = Server::start().await;
    let (application, secret) = server.application("robot", ApplicationKind::Confidential, true).await;
    let token = server.client_token(&application.id.to_string(), &secret).await;
    let body = json!({ "displayName": "x" });
    let check = async |expected: (StatusCode, StatusCode)| {
        let read = server.call(Method::GET, "/v1.0/applications", &token, &Value::Null).await;
        let written = server.call(Method::POST, "/v1.0/applications", &token, &body).await;
        assert_eq!((read.status, written.status), expected);
    };
    check((StatusCode::FORBIDDEN, StatusCode::FORBIDDEN)).await;
    for (role, expected) in [
        ("Contributor", (StatusCode::OK, StatusCode::FORBIDDEN)),
        ("User Access Administrator", (StatusCode::OK, StatusCode::CREATED)),
    ] {
        let new = evergate_identity::directory::assignments::NewAssignment {
            id: evergate_identity::AssignmentId::random(),
            scope: "/".to_owned(),
            role: evergate_identity::RoleDefinition::by_name(role).unwrap().id,
            principal: application.service_principal.unwrap().to_string(),
            tenant: server.made.tenant_id.to_string(),
        };
        server.directory.assign(new).await.unwrap();
        check(expected).await;
    }
    let nobody = server.get("/v1.0/applications").await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    assert!(nobody.header("www-authenticate").starts_with("Bearer authorization_uri="));
}
