//! What the tests start from: a shared storage folder, regions on it, and a service worth saving.

use std::path::PathBuf;

use anyhow::Context as _;
use evergate_tests::management::storage_request;
use evergate_tests::{Bootstrap, Management, Server, ServerOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A small API in the language of its time.
pub(crate) const PETS: &str = r##"
openapi: 3.0.3
info: {title: Pets, version: "1"}
paths:
  /pets:
    get:
      operationId: listPets
      parameters: [{name: limit, in: query, schema: {type: integer}}]
      responses: {200: {description: Pets, content: {application/json: {schema: {$ref: "#/components/schemas/Pets"}}}}}
    post:
      operationId: addPet
      responses: {201: {description: Added}}
  /pets/{petId}:
    get:
      operationId: getPet
      parameters: [{name: petId, in: path, required: true, schema: {type: string}}]
      responses: {200: {description: A pet}}
components:
  schemas:
    Pets: {type: array, items: {type: object, properties: {name: {type: string}}}}
"##;

/// A folder that stands for a storage account which outlives every region.
pub(crate) struct SharedStorage {
    directory: TempDir,
    container: &'static str,
}

impl SharedStorage {
    /// Its name in requests.
    pub(crate) const ACCOUNT: &str = "sharedaccount";
    /// A container that exists.
    pub(crate) const CONTAINER: &str = "backups";

    pub(crate) fn create() -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("evergate-storage-")?;
        std::fs::create_dir(directory.path().join(Self::CONTAINER))?;
        Ok(Self { directory, container: Self::CONTAINER })
    }

    /// The URL that the account name is mapped to.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.directory.path().display())
    }

    /// A region that uses it.
    pub(crate) fn region(&self, name: &str) -> ServerOptions {
        ServerOptions::region(name).storage_account(Self::ACCOUNT, &self.url())
    }

    /// Another region, which knows the recovery key of `first`.
    pub(crate) fn second_region(&self, name: &str, first: &Server) -> ServerOptions {
        self.region(name).recovery_key(&first.bootstrap.recovery_key_file)
    }

    /// The file of a backup.
    pub(crate) fn file(&self, backup: &str) -> PathBuf {
        self.directory.path().join(self.container).join(backup)
    }

    /// The body of a request to it.
    pub(crate) fn request(&self, bootstrap: &Bootstrap, backup: &str) -> Value {
        storage_request(Self::ACCOUNT, &bootstrap.access_key, self.container, backup)
    }
}

/// Fills a service with something of every kind, and returns its subscription's key.
pub(crate) async fn publish(
    management: &Management,
    service: &str,
    upstream: &str,
) -> anyhow::Result<String> {
    let root = management.service(service);
    let put = async |path: &str, properties: Value| {
        management.put(&format!("{root}{path}"), &json!({"properties": properties})).await
    };
    let api = json!({"path": "pets", "format": "openapi", "value": PETS, "serviceUrl": upstream,
        "protocols": ["http", "https"]});
    put("/apis/pets", api).await?;
    put("/namedValues/token", json!({"displayName": "token", "value": "s3cret", "secret": true})).await?;
    put("/namedValues/colour", json!({"displayName": "colour", "value": "green"})).await?;
    let policy = "<policies><inbound><base /><set-header name=\"X-Token\" exists-action=\"override\">\
         <value>{{token}}</value></set-header></inbound><backend><base /></backend><outbound><base />\
         </outbound><on-error><base /></on-error></policies>";
    put("/apis/pets/policies/policy", json!({"format": "xml", "value": policy})).await?;
    let product = json!({"displayName": "Starter", "subscriptionRequired": true, "state": "published"});
    put("/products/starter", product).await?;
    management.put(&format!("{root}/products/starter/apis/pets"), &json!({})).await?;
    let user = json!({"firstName": "Ann", "lastName": "Able", "email": "ann@example.com"});
    put("/users/ann", user).await?;
    put("/backends/zoo", json!({"url": upstream, "protocol": "http"})).await?;
    let subscription = json!({"displayName": "Ann's", "scope": "/products/starter", "ownerId": "/users/ann",
        "state": "active"});
    put("/subscriptions/anns", subscription).await?;
    management.subscription_key(service, "anns").await
}

/// Everything a service says about its configuration, secrets included, by path. Paths, also those inside
/// the documents, begin below the service, so that those of two regions can be compared.
pub(crate) async fn everything(
    management: &Management,
    service: &str,
) -> anyhow::Result<Vec<(String, Value)>> {
    let root = management.service(service);
    let mut found = Vec::new();
    let mut collections: Vec<String> =
        ["apis", "products", "namedValues", "backends", "users", "groups", "subscriptions", "apiVersionSets"]
            .map(|collection| format!("{root}/{collection}"))
            .into();
    while let Some(collection) = collections.pop() {
        for member in management.list(&collection).await? {
            let id = member["id"].as_str().context("a resource without an id")?.to_owned();
            let (parent, name) = (collection.rsplit('/').next().unwrap_or_default(), id.clone());
            let further: &[&str] = match parent {
                "apis" if !collection.contains("/products/") => &["operations", "schemas", "policies"],
                "products" => &["apis", "groups", "policies"],
                _ => &[],
            };
            collections.extend(further.iter().map(|child| format!("{name}/{child}")));
            let secrets = match parent {
                "subscriptions" => Some("listSecrets"),
                "namedValues" => Some("listValue"),
                _ => None,
            };
            if let Some(action) = secrets {
                let secrets = management.post(&format!("{id}/{action}"), &Value::Null).await?;
                found.push((format!("{id}/{action}"), secrets.body));
            }
            found.push((id, member));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let relative = |(path, document): (String, Value)| {
        Ok((path.replace(&root, ""), serde_json::from_str(&document.to_string().replace(&root, ""))?))
    };
    found.into_iter().map(relative).collect()
}

/// Fails with the first difference, readable where whole documents would not be.
pub(crate) fn assert_same(before: &[(String, Value)], after: &[(String, Value)]) {
    let paths = |all: &[(String, Value)]| all.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    let (left, right) = (paths(before), paths(after));
    let missing: Vec<_> = left.iter().filter(|path| !right.contains(path)).collect();
    let added: Vec<_> = right.iter().filter(|path| !left.contains(path)).collect();
    assert!(missing.is_empty() && added.is_empty(), "missing: {missing:?}, added: {added:?}");
    for ((path, before), (_, after)) in before.iter().zip(after) {
        let (before_text, after_text) = (before.to_string(), after.to_string());
        assert!(before == after, "{path}\nbefore: {before_text:.2000}\nafter: {after_text:.2000}");
    }
}
