//! Role assignments through the resource manager's API.

use serde_json::json;

use super::*;

const SCOPE: &str = "/subscriptions/11111111-1111-1111-1111-111111111111";
const VERSION: &str = "api-version=2022-04-01";

fn path(scope: &str, rest: &str) -> String {
    format!("{scope}/providers/Microsoft.Authorization/{rest}")
}

#[tokio::test]
async fn a_role_is_found_assigned_listed_and_removed() {
    let server = Server::start().await;
    let owner = server.owner_token().await;
    let (robot, secret) = server.application("robot", ApplicationKind::Confidential, true).await;
    let token = server.client_token(&robot.id.to_string(), &secret).await;
    let principal = robot.service_principal.unwrap().to_string();

    let definitions =
        path(SCOPE, &format!("roleDefinitions?{VERSION}&$filter=roleName%20eq%20'Contributor'"));
    let definitions = server.call(Method::GET, &definitions, &owner, &Value::Null).await;
    let definition = &definitions.json["value"][0]["id"];
    assert!(definition.as_str().unwrap().starts_with(SCOPE), "{}", definitions.text);

    let name = "22222222-2222-2222-2222-222222222222";
    let assignment = path(SCOPE, &format!("roleAssignments/{name}?{VERSION}"));
    let body = json!({ "properties": { "roleDefinitionId": definition, "principalId": principal } });
    let refused = server.call(Method::PUT, &assignment, &token, &body).await;
    assert_eq!(
        (refused.status, &refused.json["error"]["code"]),
        (StatusCode::FORBIDDEN, &json!("AuthorizationFailed"))
    );
    assert!(refused.text.contains("Microsoft.Authorization/roleAssignments/write"), "{}", refused.text);
    for status in [StatusCode::CREATED, StatusCode::CREATED] {
        assert_eq!(server.call(Method::PUT, &assignment, &owner, &body).await.status, status);
    }
    let twice = path(SCOPE, &format!("roleAssignments/33333333-3333-3333-3333-333333333333?{VERSION}"));
    let twice = server.call(Method::PUT, &twice, &owner, &body).await;
    assert_eq!(twice.json["error"]["code"], "RoleAssignmentExists");

    let caller = server.authenticate(&token).await.unwrap();
    server.directory.authorize(&caller, "Microsoft.ApiManagement/service/write", SCOPE).unwrap();
    let lower = SCOPE.replace("subscriptions", "Subscriptions") + "/resourcegroups/rg";
    let filter = format!("roleAssignments?{VERSION}&$filter=principalId%20eq%20'{principal}'");
    let listed = server.call(Method::GET, &path(&lower, &filter), &token, &Value::Null).await;
    assert_eq!(listed.json["value"][0]["name"], name, "{}", listed.text);
    let all = server
        .call(Method::GET, &path("", &format!("roleAssignments?{VERSION}")), &owner, &Value::Null)
        .await;
    assert_eq!(all.json["value"].as_array().unwrap().len(), 3, "{}", all.text);
    let permissions = path(SCOPE, &format!("permissions?{VERSION}"));
    let permissions = server.call(Method::GET, &permissions, &token, &Value::Null).await;
    assert_eq!(permissions.json["value"][0]["actions"], json!(["*"]));

    assert_eq!(server.call(Method::DELETE, &assignment, &owner, &Value::Null).await.status, StatusCode::OK);
    assert_eq!(
        server.call(Method::DELETE, &assignment, &owner, &Value::Null).await.status,
        StatusCode::NO_CONTENT
    );
    server.directory.authorize(&caller, "Microsoft.ApiManagement/service/write", SCOPE).unwrap_err();
}

#[tokio::test]
async fn wrong_requests_say_what_is_wrong() {
    let server = Server::start().await;
    let owner = server.owner_token().await;
    let contributor = "b24988ac-6180-42a0-ab88-20f7382dd24c";
    let nobody = "44444444-4444-4444-4444-444444444444";
    let assignment = format!("roleAssignments/{nobody}?{VERSION}");
    let body = |role: &str, principal: &str| json!({ "properties": { "roleDefinitionId": role, "principalId": principal } });
    for (method, rest, body, code) in [
        (Method::PUT, assignment.as_str(), body(contributor, nobody), "PrincipalNotFound"),
        (Method::PUT, &assignment, body("x", nobody), "InvalidRequestContent"),
        (Method::PUT, &assignment, json!({}), "InvalidRequestContent"),
        (
            Method::PUT,
            &format!("roleAssignments/x?{VERSION}"),
            body(contributor, nobody),
            "InvalidRequestContent",
        ),
        (Method::GET, &assignment, Value::Null, "RoleAssignmentNotFound"),
        (Method::GET, "roleAssignments", Value::Null, "MissingApiVersionParameter"),
        (Method::GET, &format!("roleAssignments?{VERSION}&$filter=x"), Value::Null, "UnsupportedQuery"),
        (Method::POST, &format!("roleAssignments?{VERSION}"), Value::Null, "MethodNotAllowed"),
        (Method::GET, &format!("roleDefinitions/x?{VERSION}"), Value::Null, "RoleDefinitionDoesNotExist"),
        (Method::GET, &format!("locks?{VERSION}"), Value::Null, "NotFound"),
    ] {
        let answer = server.call(method.clone(), &path(SCOPE, rest), &owner, &body).await;
        assert_eq!(answer.json["error"]["code"], code, "{method} {rest} {}", answer.text);
    }
    let nobody = server.get(&path(SCOPE, &format!("roleAssignments?{VERSION}"))).await;
    assert_eq!(
        (nobody.status, &nobody.json["error"]["code"]),
        (StatusCode::UNAUTHORIZED, &json!("AuthenticationFailed"))
    );
    assert!(nobody.header("www-authenticate").starts_with("Bearer "));
}

#[tokio::test]
async fn a_principal_of_another_directory_counts_only_with_its_tenant() {
    let server = Server::start().await;
    let owner = server.owner_token().await;
    let body = json!({ "properties": {
        "roleDefinitionId": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "principalId": "55555555-5555-5555-5555-555555555555",
        "principalTenantId": "66666666-6666-6666-6666-666666666666",
    } });
    let assignment = path(SCOPE, &format!("roleAssignments/77777777-7777-7777-7777-777777777777?{VERSION}"));
    assert_eq!(server.call(Method::PUT, &assignment, &owner, &body).await.status, StatusCode::CREATED);
    let principal = |tenant: &str| Principal {
        tenant: tenant.to_owned(),
        object_id: "55555555-5555-5555-5555-555555555555".to_owned(),
        kind: evergate_identity::PrincipalKind::User,
        name: "ann".to_owned(),
        application_id: None,
        expires_at: Timestamp::UNIX_EPOCH,
    };
    let read = "Microsoft.ApiManagement/service/read";
    server.directory.authorize(&principal("66666666-6666-6666-6666-666666666666"), read, SCOPE).unwrap();
    let home = server.made.tenant_id.to_string();
    server.directory.authorize(&principal(&home), read, SCOPE).unwrap_err();
}
