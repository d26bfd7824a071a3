//! What descriptions become, and what is refused.

use serde_json::json;

use super::*;
use crate::export;

const PETS: &str = r##"
openapi: 3.0.3
info: {title: Pets, description: All pets, version: "1", contact: {name: Ann, x-more: 1}}
servers:
  - url: https://{host}/v1/
    variables: {host: {default: pets.example}}
paths:
  /pets/{petId}:
    parameters:
      - {$ref: "#/components/parameters/petId"}
    get:
      operationId: getPet
      summary: One pet
      parameters:
        - {name: fields, in: query, schema: {type: array}, description: Which}
        - {name: X-Trace, in: header, required: true, schema: {$ref: "#/components/schemas/Trace"}}
      responses:
        200:
          description: A pet
          headers: {X-Rate: {schema: {type: integer, default: 5}}}
          content:
            application/json:
              schema: {$ref: "#/components/schemas/Pet"}
              examples: {rex: {$ref: "#/components/examples/rex"}}
        404: {$ref: "#/components/responses/Missing"}
        default: {description: Anything}
    put:
      requestBody: {$ref: "#/components/requestBodies/Pet"}
      responses: {204: {description: Done}}
components:
  parameters:
    petId: {name: petId, in: path, required: true, schema: {type: integer, enum: [1, 2]}}
  schemas:
    Pet: {type: object, properties: {name: {type: string}}}
    Trace: {type: [string, "null"]}
  responses:
    Missing:
      description: None
      content: {application/problem+json: {schema: {type: object}, example: {code: 4}}}
  requestBodies:
    Pet: {content: {application/x-www-form-urlencoded: {schema: {required: [name], properties: {name: {type: string}}}}}}
  examples: {rex: {summary: Rex, value: {name: Rex}}}
"##;

#[test]
fn openapi_becomes_operations_and_schemas() {
    let api = parse("openapi", PETS.as_bytes()).unwrap();
    assert_eq!(api.display_name, "Pets");
    assert_eq!(api.service_urls, ["https://pets.example/v1"]);
    assert_eq!(api.protocols, ["https"]);
    assert_eq!(api.warnings.len(), 1, "{:?}", api.warnings);
    let pet = json!({"name": "petId", "type": "integer", "required": true, "values": ["1", "2"]});
    let expected = json!([
        ["getPet", {
            "displayName": "One pet", "method": "GET", "urlTemplate": "/pets/{petId}",
            "templateParameters": [pet],
            "request": {
                "queryParameters": [
                    {"name": "fields", "description": "Which", "type": "array", "required": false}],
                "headers": [{"name": "X-Trace", "type": "string", "required": true}],
                "representations": [],
            },
            "responses": [
                {"statusCode": 200, "description": "A pet",
                 "representations": [{"contentType": "application/json", "schemaId": "components",
                    "typeName": "Pet", "examples": {"rex": {"summary": "Rex", "value": {"name": "Rex"}}}}],
                 "headers": [{"name": "X-Rate", "type": "integer", "required": false, "defaultValue": "5"}]},
                {"statusCode": 404, "description": "None",
                 "representations": [{"contentType": "application/problem+json", "schemaId": "components",
                    "typeName": "getPet404ApplicationProblemJson",
                    "examples": {"default": {"value": {"code": 4}}}}],
                 "headers": []},
            ],
        }],
        ["put-pets-petId", {
            "displayName": "PUT /pets/{petId}", "method": "PUT", "urlTemplate": "/pets/{petId}",
            "templateParameters": [pet],
            "request": {
                "queryParameters": [], "headers": [],
                "representations": [{"contentType": "application/x-www-form-urlencoded",
                    "formParameters": [{"name": "name", "type": "string", "required": true}]}],
            },
            "responses": [{"statusCode": 204, "description": "Done", "representations": [], "headers": []}],
        }],
    ]);
    // The order inside a request is the reader's own business.
    assert_eq!(json!(api.operations), expected);
    let (id, schema) = &api.schemas[0];
    assert_eq!(id, "components");
    let names: Vec<&String> =
        schema["document"]["components"]["schemas"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["Pet", "Trace", "getPet404ApplicationProblemJson"]);
}

#[test]
fn swagger_becomes_operations_and_schemas() {
    let text = json!({
        "swagger": "2.0", "info": {"title": "Pets", "version": "1"},
        "host": "pets.example:8080", "basePath": "/v2/", "schemes": ["https", "http"],
        "consumes": ["application/json"], "produces": ["application/json", "application/xml"],
        "paths": {"/pets": {
            "post": {
                "operationId": "addPet",
                "parameters": [
                    {"in": "body", "name": "body", "schema": {"$ref": "#/definitions/Pet"}},
                    {"in": "query", "name": "dry", "type": "boolean", "default": false}],
                "responses": {"200": {"description": "ok", "schema": {"$ref": "#/definitions/Pet"},
                    "examples": {"application/json": {"id": 1}}}},
            },
            "put": {
                "consumes": ["multipart/form-data"],
                "parameters": [{"in": "formData", "name": "file", "type": "file", "required": true}],
                "responses": {"204": {"description": "ok"}},
            },
        }},
        "definitions": {"Pet": {"type": "object", "properties": {"tag": {"$ref": "#/definitions/Tag"}}},
            "Tag": {"type": "string"}},
    });
    let api = parse("swagger-json", text.to_string().as_bytes()).unwrap();
    assert_eq!(api.service_urls, ["https://pets.example:8080/v2", "http://pets.example:8080/v2"]);
    assert_eq!(api.protocols, ["https", "http"]);
    let (_, add) = &api.operations[0];
    assert_eq!(
        add["request"]["representations"],
        json!([{"contentType": "application/json", "schemaId": "definitions", "typeName": "Pet"}])
    );
    assert_eq!(add["responses"][0]["representations"][1]["contentType"], "application/xml");
    assert_eq!(
        add["responses"][0]["representations"][0]["examples"],
        json!({"default": {"value": {"id": 1}}})
    );
    let (id, put) = &api.operations[1];
    assert_eq!(id, "put-pets");
    assert_eq!(put["request"]["representations"][0]["formParameters"][0]["type"], "file");

    let exported = export::openapi(&Properties::new(), &api.operations, &api.schemas, "https://gw/pets");
    assert_eq!(
        exported["components"]["schemas"]["Pet"]["properties"]["tag"]["$ref"],
        "#/components/schemas/Tag"
    );
}

#[test]
fn an_exported_description_imports_as_the_same() {
    let api = parse("openapi", PETS.as_bytes()).unwrap();
    let mut properties = Properties::new();
    properties.insert("displayName".to_owned(), api.display_name.clone().into());
    let exported = export::openapi(&properties, &api.operations, &api.schemas, "https://gateway/pets");
    for text in [exported.to_string(), export::yaml(&exported).unwrap()] {
        let again = parse("openapi", text.as_bytes()).unwrap();
        assert_eq!(again.operations, api.operations);
        assert_eq!(again.schemas, api.schemas);
    }
}

#[test]
fn a_refusal_says_where_and_what_to_do() {
    let check = |text: &str, message: &str| {
        assert_eq!(parse("openapi", text.as_bytes()).unwrap_err().to_string(), message, "{text}");
    };
    let head = "openapi: 3.0.0\ninfo: {title: x}\n";
    check(
        "a: 1",
        "the description says neither 'openapi' nor 'swagger'; it must say 'openapi: 3.0.x', \
         'openapi: 3.1.x' or 'swagger: \"2.0\"'",
    );
    check(
        "openapi: 4.0.0",
        "the description says 'openapi: 4.0.0'; it must say 'openapi: 3.0.x', 'openapi: 3.1.x' or \
         'swagger: \"2.0\"'",
    );
    check("openapi: 3.1.0", "#: 'info' is missing; add it");
    check(
        "{\"a\": }",
        "the description is not well-formed JSON: expected value at line 1 column 7; correct the document \
         and import it again",
    );
    check(&format!("{head}paths: []"), "#/paths: an object is expected, found a list");
    check(&format!("{head}paths: {{pets: {{}}}}"), "#/paths/pets: a path begins with '/'");
    check(
        &format!("{head}paths: {{\"/p/{{x\": {{}}}}"),
        "#/paths/~1p~1{x: the braces of the path's parameters do not match",
    );
    check(
        &format!("{head}paths: {{/p: {{get: {{parameters: [{{in: query}}]}}}}}}"),
        "#/paths/~1p/get/parameters/0: a parameter needs a 'name'",
    );
    check(
        &format!("{head}paths: {{/p: {{get: {{parameters: [{{$ref: '#/no'}}]}}}}}}"),
        "#/paths/~1p/get/parameters/0: the reference '#/no' names nothing in the document; define it or \
         correct it",
    );
    check(
        &format!("{head}paths: {{/p: {{get: {{requestBody: {{$ref: other.yaml}}}}}}}}"),
        "#/paths/~1p/get/requestBody: the reference 'other.yaml' leaves the document; bundle the \
         description into one file",
    );
    check(
        &format!("{head}a: {{$ref: '#/a'}}\npaths: {{/p: {{$ref: '#/a'}}}}"),
        "#/paths/~1p: the reference '#/a' goes in a circle; let it end at a definition",
    );
    assert!(parse("wsdl", b"").unwrap_err().to_string().starts_with("format 'wsdl' cannot be imported"));
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = String::from("openapi: 3.0.0\ninfo: {title: x}\nl0: &l0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let alias = format!("*l{}", level - 1);
        let aliases = [alias.as_str(); 9].join(", ");
        text = format!("{text}l{level}: &l{level} [{aliases}]\n");
    }
    let error = parse("openapi", text.as_bytes()).unwrap_err();
    assert!(matches!(error, ImportError::Syntax { language: "YAML", .. }), "{error}");
}

#[test]
fn a_link_makes_relative_servers_absolute() {
    let text = "openapi: 3.0.0\ninfo: {title: x}\nservers: [{url: /v3}]\npaths: {}";
    let mut api = parse("openapi-link", text.as_bytes()).unwrap();
    assert_eq!(api.service_urls, ["/v3"]);
    resolve_against(&mut api, "https://pets.example/docs/openapi.yaml");
    assert_eq!(api.service_urls, ["https://pets.example/v3"]);
}
