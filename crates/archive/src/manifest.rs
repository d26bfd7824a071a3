//! What a backup says about itself inside: which service, at which revision, with how many resources.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{FORMAT_VERSION, Header, Recipient};

/// The member `manifest.json`. For [`crate::ArchiveWriter`], only the facts about the service need to be
/// right: version, key ids and the header's hash are filled in by the writer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The version of the format.
    pub format_version: u32,
    /// The full resource id of the service.
    pub service: String,
    /// The service's name.
    pub name: String,
    /// The region it stood in.
    pub location: String,
    /// Its tier.
    pub sku_name: String,
    /// Deployed units of it.
    pub sku_capacity: u32,
    /// When the snapshot was taken.
    pub created_at: Timestamp,
    /// From when on it must not be restored any more.
    pub expires_at: Timestamp,
    /// The commit that the backup is the state of.
    pub revision: u64,
    /// Resources by type, in the order in which the types are written.
    #[serde(with = "counts")]
    pub counts: Vec<(String, u64)>,
    /// The program and version that wrote it.
    pub producer: String,
    /// The recovery keys that open it; empty when it is not sealed.
    pub key_ids: Vec<String>,
    /// The hash of the plain header, which binds it to what is sealed.
    pub header_sha256: String,
    /// The service's own settings; their meaning is the producer's.
    pub service_body: serde_json::Value,
}

impl Manifest {
    /// How many resources there are in all.
    pub fn resources(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// The header of a backup with this manifest, sealed to `recipients` (not sealed when there are none).
    pub fn header(&self, recipients: &[Recipient]) -> Header {
        Header {
            format_version: FORMAT_VERSION,
            service: self.name.clone(),
            location: self.location.clone(),
            sku_name: self.sku_name.clone(),
            sku_capacity: self.sku_capacity,
            created_at: self.created_at,
            expires_at: self.expires_at,
            key_ids: recipients.iter().map(Recipient::id).collect(),
            sealed: !recipients.is_empty(),
        }
    }

    /// The first thing that header and manifest state differently.
    pub(crate) fn disagreement(&self, header: &Header) -> Option<&'static str> {
        let facts = [
            ("formatVersion", self.format_version == header.format_version),
            ("service", self.name == header.service && self.service.rsplit('/').next() == Some(&*self.name)),
            ("location", self.location == header.location),
            ("skuName", self.sku_name == header.sku_name),
            ("skuCapacity", self.sku_capacity == header.sku_capacity),
            ("createdAt", self.created_at == header.created_at),
            ("expiresAt", self.expires_at == header.expires_at),
            ("keyIds", self.key_ids == header.key_ids),
        ];
        facts.into_iter().find(|(_, agrees)| !agrees).map(|(name, _)| name)
    }
}

/// The counts as a JSON object whose order is kept.
mod counts {
    use std::fmt;

    use serde::de::{MapAccess, Visitor};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        counts: &[(String, u64)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(counts.iter().map(|(name, count)| (name, count)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(String, u64)>, D::Error> {
        struct Counts;
        impl<'de> Visitor<'de> for Counts {
            type Value = Vec<(String, u64)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of resource types and numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut out = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    out.push(entry);
                }
                Ok(out)
            }
        }
        deserializer.deserialize_map(Counts)
    }
}
