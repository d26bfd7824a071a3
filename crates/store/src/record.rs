//! Small documents beside the configuration: directory objects, resource groups, deleted services.

/// A document by collection and key. The value is sealed at rest.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// What it belongs with, for example `applications`.
    pub collection: String,
    /// Unique in its collection, compared exactly.
    pub key: String,
    /// The document; the owner of the collection knows its form.
    pub value: Vec<u8>,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{} ({} bytes)", self.collection, self.key, self.value.len())
    }
}
