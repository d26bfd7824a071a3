//! What a gateway needs to know of each service, and nothing else.
//!
//! A [`ServiceConfiguration`] shares its unchanged parts with the one it was edited from (every
//! entry is behind an `Arc`), so a commit costs what it changed and whoever compiles the
//! configuration can tell by pointer what stayed the same.

mod assemble;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Secret;

pub use assemble::{InvalidRow, Row, assemble};

/// Entries by the lower-cased name of their resource.
pub type Section<T> = Arc<BTreeMap<String, Arc<T>>>;

/// The configuration of every service, at one moment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// The services, by name.
    pub services: Vec<Arc<ServiceConfiguration>>,
}

/// What a gateway needs to know of one service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ServiceConfiguration {
    /// The service's resource id.
    pub id: String,
    /// The service's name, which is also its host name's first label.
    pub name: String,
    /// The generation it was read from.
    pub generation: u64,
    /// The commit it was read at.
    pub revision: u64,
    /// Custom host names of the gateway, lower-cased.
    pub hostnames: Vec<String>,
    /// The policy document of the whole service.
    pub policy: Option<Arc<str>>,
    /// APIs; a revision that is not current is named `pets;rev=2`.
    pub apis: Section<Api>,
    /// Products.
    pub products: Section<Product>,
    /// Subscriptions.
    pub subscriptions: Section<Subscription>,
    /// Users whose subscriptions do not work, by lower-cased name.
    pub blocked_users: Arc<BTreeSet<String>>,
    /// Named values.
    pub named_values: Section<NamedValue>,
    /// Backends.
    pub backends: Section<Backend>,
    /// Version sets.
    pub version_sets: Section<VersionSet>,
}

/// One revision of one version of an API.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Api {
    /// Whether the API itself was read; its operations may be read before it.
    pub declared: bool,
    /// Its resource name, with `;rev=N` when it is not the current revision.
    pub id: String,
    /// Its display name.
    pub display_name: String,
    /// The path below the host, without slashes at its ends; may be empty.
    pub path: String,
    /// Where requests go unless a policy says otherwise.
    pub service_url: Option<String>,
    /// The kind of API: `http`, `soap`, `websocket`, `graphql`, …
    pub kind: String,
    /// Whether a caller needs a subscription key.
    pub subscription_required: bool,
    /// The header that carries the key, when the API has its own.
    pub key_header: Option<String>,
    /// The query parameter that carries the key, when the API has its own.
    pub key_query: Option<String>,
    /// The revision number, as text.
    pub revision: String,
    /// Whether this revision answers without `;rev=N`.
    pub is_current: bool,
    /// The version's identifier; none for the original, unversioned API.
    pub version: Option<String>,
    /// The lower-cased name of the version set.
    pub version_set: Option<String>,
    /// The API's policy document.
    pub policy: Option<Arc<str>>,
    /// Its operations.
    pub operations: BTreeMap<String, Arc<Operation>>,
}

/// One operation of an API.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Operation {
    /// Whether the operation itself was read; its policy may be read before it.
    pub declared: bool,
    /// Its resource name.
    pub id: String,
    /// Its display name.
    pub display_name: String,
    /// The method, in upper case.
    pub method: String,
    /// The URL template below the API's path: `/pets/{petId}?size={size}`.
    pub url_template: String,
    /// The operation's policy document.
    pub policy: Option<Arc<str>>,
    /// Responses that a mock can return, in order.
    pub responses: Vec<MockResponse>,
}

/// A response that an operation declares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MockResponse {
    /// The status code.
    pub status: u16,
    /// Its representations, in order.
    pub representations: Vec<MockRepresentation>,
}

/// One representation of a declared response.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MockRepresentation {
    /// The media type.
    pub content_type: String,
    /// Example bodies, in order.
    pub examples: Vec<Arc<str>>,
}

/// A product: what subscribers subscribe to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Product {
    /// Whether the product itself was read; its links may be read before it.
    pub declared: bool,
    /// Its resource name.
    pub id: String,
    /// Its display name.
    pub display_name: String,
    /// Whether its APIs can be called through it.
    pub published: bool,
    /// Whether a caller needs a subscription; a product without is open.
    pub subscription_required: bool,
    /// The product's policy document.
    pub policy: Option<Arc<str>>,
    /// The APIs in it, lower-cased, without revisions.
    pub apis: BTreeSet<String>,
}

/// A subscription and its keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Subscription {
    /// Its resource name.
    pub id: String,
    /// Its display name.
    pub display_name: String,
    /// What it opens.
    pub scope: SubscriptionScope,
    /// The lower-cased name of the user who owns it.
    pub owner: Option<String>,
    /// Whether its state is `active`. As in the original, the expiration date alone closes nothing.
    pub active: bool,
    /// The keys, both as good as each other.
    #[serde(with = "exposed")]
    pub keys: Vec<Secret>,
}

/// What a subscription opens; names are lower-cased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubscriptionScope {
    /// Every API, product or not.
    AllApis,
    /// One API, whatever its revision.
    Api(String),
    /// The APIs of one product.
    Product(String),
}

/// A named value that policies use as `{{displayName}}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NamedValue {
    /// The name policies use.
    pub display_name: String,
    /// The value; none or one, none when it lies in a vault that was not read.
    #[serde(with = "exposed")]
    pub value: Vec<Secret>,
}

/// A backend that policies use by its id.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Backend {
    /// Its resource name.
    pub id: String,
    /// Its URL.
    pub url: String,
    /// `Single` or `Pool`; only a single one can be used yet.
    pub kind: String,
    /// Headers to add to every request: name and value.
    pub headers: Vec<Credential>,
    /// Query parameters to add to every request.
    pub query: Vec<Credential>,
    /// Whether the certificate's chain is checked.
    pub validate_chain: bool,
    /// Whether the certificate's name is checked.
    pub validate_name: bool,
}

/// A name and its secret values.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Credential {
    /// The header or query parameter.
    pub name: String,
    /// Its values.
    #[serde(with = "exposed")]
    pub values: Vec<Secret>,
}

/// How clients name the version they want.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum VersionSet {
    /// As the segment after the API's path.
    Segment,
    /// In this query parameter.
    Query(String),
    /// In this header.
    Header(String),
}

/// Secrets in clear, for a snapshot that is sealed whole before it is written anywhere.
mod exposed {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::Secret;

    pub(super) fn serialize<S: Serializer>(secrets: &[Secret], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(secrets.iter().map(Secret::expose))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Secret>, D::Error> {
        Ok(Vec::<String>::deserialize(deserializer)?.into_iter().map(Secret::from).collect())
    }
}

impl ServiceConfiguration {
    /// The named value that policies know by `display_name`.
    pub fn named_value(&self, display_name: &str) -> Option<&NamedValue> {
        self.named_values.values().find(|value| value.display_name == display_name).map(Arc::as_ref)
    }
}
