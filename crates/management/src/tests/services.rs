//! Services: their life, their SKU and their host names.

use super::*;

#[tokio::test]
async fn a_service_is_created_as_az_creates_it() {
    let server = Server::with_service().await;
    let mut body = server.get(SERVICE).await.expect(200);
    body["etag"] = json!("etag");
    insta::assert_json_snapshot!(body, @r#"
        {
          "id": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/svc1",
          "name": "svc1",
          "type": "Microsoft.ApiManagement/service",
          "tags": {},
          "location": "westeurope",
          "etag": "etag",
          "properties": {
            "publisherEmail": "a@b.c",
            "publisherName": "Lab",
            "notificationSenderEmail": "apimgmt-noreply@mail.windowsazure.com",
            "virtualNetworkType": "None",
            "publicNetworkAccess": "Enabled",
            "natGatewayState": "Disabled",
            "disableGateway": false,
            "hostnameConfigurations": [
              {
                "type": "Proxy",
                "hostName": "svc1.gateway.localhost",
                "negotiateClientCertificate": false,
                "defaultSslBinding": true,
                "certificateSource": "BuiltIn"
              }
            ],
            "provisioningState": "Succeeded",
            "targetProvisioningState": "",
            "createdAtUtc": "2026-01-02T03:04:05Z",
            "gatewayUrl": "http://svc1.gateway.localhost:8080",
            "gatewayRegionalUrl": "http://svc1.gateway.localhost:8080",
            "managementApiUrl": "https://localhost:9443",
            "portalUrl": null,
            "developerPortalUrl": null,
            "scmUrl": null,
            "publicIPAddresses": null,
            "privateIPAddresses": null,
            "outboundPublicIPAddresses": null,
            "privateEndpointConnections": null,
            "platformVersion": "stv2"
          },
          "sku": {
            "name": "Developer",
            "capacity": 1
          },
          "identity": null,
          "zones": null,
          "systemData": {
            "createdAt": "2026-01-02T03:04:05Z",
            "createdByType": "Application",
            "lastModifiedAt": "2026-01-02T03:04:05Z"
          }
        }
        "#);
    assert_eq!(
        server.get(&SERVICE.to_uppercase().replace("/SUBSCRIPTIONS/", "/subscriptions/")).await.expect(200)["id"],
        SERVICE
    );
    let put_again = server.put(SERVICE, body).await.expect(200);
    assert_eq!(put_again["properties"]["hostnameConfigurations"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn no_service_claims_a_host_at_which_another_answers() {
    let server = Server::with_service().await;
    let mut body = service_body();
    let mut claim = |name: &str| {
        body["properties"]["hostnameConfigurations"] = json!([{"type": "Proxy", "hostName": name}]);
        body.clone()
    };
    let second = SERVICE.replace("svc1", "svc2");
    server.put(SERVICE, claim("api.example.org")).await.expect(200);
    server.put(&second, claim("API.example.org")).await.refused(400, "ValidationError");
    server.put(&second, claim("svc1.gateway.localhost")).await.refused(400, "ValidationError");
    server.put(&second, claim("other.example.org")).await.expect(201);
    server.patch(&second, claim("api.example.org")).await.refused(400, "ValidationError");
    server.put(SERVICE, claim("api.example.org")).await.expect(200);
}

#[tokio::test]
async fn a_new_service_has_what_is_built_in() {
    let server = Server::with_service().await;
    assert_eq!(server.names("/groups").await, ["administrators", "developers", "guests"]);
    assert_eq!(server.names("/users").await, ["1"]);
    assert_eq!(server.names("/users/1/groups").await, ["administrators", "developers"]);
    assert_eq!(server.names("/subscriptions").await, ["master"]);
    assert!(server.names("/products").await.is_empty());
    let master = server.get("/subscriptions/master").await.expect(200);
    assert_eq!(master["properties"]["scope"], format!("{SERVICE}/"));
    server.delete("/subscriptions/master").await.refused(400, "ValidationError");
    server.delete("/groups/guests").await.refused(400, "ValidationError");
    server.delete("/users/1").await.refused(400, "ValidationError");
}

#[tokio::test]
async fn services_are_listed_and_their_names_taken() {
    let server = Server::with_service().await;
    let all = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ApiManagement");
    assert_eq!(server.names(&format!("{all}/service")).await, ["svc1"]);
    assert_eq!(server.names(&format!("{GROUP}/providers/Microsoft.ApiManagement/service")).await, ["svc1"]);
    assert_eq!(server.names(&format!("{GROUP}/resources")).await, ["svc1"]);
    for (name, available, reason) in
        [("svc1", false, "AlreadyExists"), ("svc2", true, "Valid"), ("2svc", false, "Invalid")]
    {
        let body = server
            .post(&format!("{all}/checkNameAvailability"), Some(json!({"name": name})))
            .await
            .expect(200);
        assert_eq!(body["nameAvailable"], available, "{body}");
        assert_eq!(body["reason"], reason, "{body}");
    }
    let other = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg2");
    server.put(&other, json!({"location": "westeurope"})).await.expect(201);
    let taken = format!("{other}/providers/Microsoft.ApiManagement/service/SVC1");
    server.put(&taken, service_body()).await.refused(409, "ServiceAlreadyExists");
}

#[tokio::test]
async fn what_a_service_cannot_be_is_refused() {
    let server = Server::with_service().await;
    let with = |pointer: &str, value: Value| {
        let mut body = service_body();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    for (body, code, part) in [
        (with("/location", json!("northeurope")), "LocationNotAvailableForResourceType", "'westeurope'"),
        (with("/location", json!("")), "LocationRequired", "location"),
        (with("/sku/name", json!("Gold")), "ValidationError", "Developer, Basic"),
        (with("/sku/capacity", json!(2)), "ValidationError", "1 to 1"),
        (with("/properties/publisherEmail", json!("x")), "ValidationError", "e-mail"),
        (with("/properties/publisherName", Value::Null), "ValidationError", "publisherName"),
        (with("/properties/restore", json!(true)), "UndeleteNotSupported", "backup"),
    ] {
        let message = server.put(SERVICE, body).await.refused(400, code);
        assert!(message.contains(part), "{message}");
    }
    let nowhere = SERVICE.replace("/rg1/", "/rg9/");
    server.put(&nowhere, service_body()).await.refused(404, "ResourceGroupNotFound");
    server.get(&SERVICE.replace("svc1", "svc9")).await.refused(404, "ResourceNotFound");
    server.get(&SERVICE.replace("svc1", "-svc")).await.refused(400, "InvalidParameter");
    server.put(SERVICE, json!("not json")).await.refused(400, "InvalidRequestContent");
    let deep = json!(format!("{}1{}", "[".repeat(500), "]".repeat(500)));
    server.put(SERVICE, deep).await.refused(400, "InvalidRequestContent");
}

#[tokio::test]
async fn a_service_is_changed_in_part() {
    let server = Server::with_service().await;
    let patch = json!({"sku": {"name": "Premium", "capacity": 3}, "tags": {"a": "b"},
        "properties": {"publisherName": "Works", "customProperties": {"x": "True"}},
        "identity": {"type": "systemassigned"}});
    let body = server.patch(SERVICE, patch).await.expect(200);
    assert_eq!(body["sku"], json!({"name": "Premium", "capacity": 3}));
    assert_eq!(body["properties"]["publisherName"], "Works");
    assert_eq!(body["properties"]["publisherEmail"], "a@b.c");
    assert_eq!(body["tags"], json!({"a": "b"}));
    let principal = body["identity"]["principalId"].clone();
    assert!(principal.is_string());
    let body = server.patch(SERVICE, json!({"sku": {"capacity": 2}})).await.expect(200);
    assert_eq!(body["sku"], json!({"name": "Premium", "capacity": 2}));
    assert_eq!(body["identity"]["principalId"], principal);
    let stale = server.send("PATCH", SERVICE, &[("if-match", "\"x\"")], Some(json!({}))).await;
    stale.refused(412, "PreconditionFailed");
}

#[tokio::test]
async fn a_deleted_service_is_remembered_until_it_is_purged() {
    let server = Server::with_service().await;
    let deleted = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ApiManagement/deletedservices");
    let one = format!(
        "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ApiManagement/locations/West%20Europe/deletedservices/svc1"
    );
    server.delete(GROUP).await.refused(409, "ResourceGroupNotEmpty");
    server.delete(SERVICE).await.expect(200);
    server.delete(SERVICE).await.expect(204);
    assert_eq!(server.names(&deleted).await, ["svc1"]);
    assert_eq!(server.get(&one).await.expect(200)["properties"]["serviceId"], SERVICE);
    server.delete(&one).await.expect(200);
    server.delete(&one).await.expect(204);
    server.get(&one).await.refused(404, "ResourceNotFound");
    server.delete(GROUP).await.expect(200);
    server.head(GROUP).await.expect(404);
}
