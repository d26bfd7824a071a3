//! Backups for the tests of this crate: fixed key, fixed time, resources made by counting.

#![allow(dead_code, reason = "each test file uses a part of it")]

use evergate_archive::{ArchiveWriter, LineRef, Manifest, Recipient, RecoveryKey, Summary};

/// A resource by value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) resource_type: String,
    pub(crate) path: String,
    pub(crate) etag: String,
    pub(crate) revision: u64,
    pub(crate) properties: String,
    pub(crate) secrets: Option<String>,
}

impl From<LineRef<'_>> for Entry {
    fn from(line: LineRef<'_>) -> Self {
        Self {
            resource_type: line.resource_type.to_owned(),
            path: line.path.to_owned(),
            etag: line.etag.to_owned(),
            revision: line.revision,
            properties: line.properties.to_owned(),
            secrets: line.secrets.map(str::to_owned),
        }
    }
}

/// The key of all fixtures; it protects nothing.
pub(crate) fn key() -> RecoveryKey {
    RecoveryKey::parse(include_str!("../fixtures/recovery-key.txt")).unwrap()
}

/// `count` resources, sorted by type; every third one has a secret.
pub(crate) fn resources(count: usize) -> Vec<Entry> {
    let kinds = ["apis", "apis/operations", "namedValues"];
    (0..count)
        .map(|index| Entry {
            resource_type: kinds[index * kinds.len() / count].to_owned(),
            path: format!("/{}/r{index}", kinds[index * kinds.len() / count]),
            etag: format!("{index:08x}"),
            revision: index as u64 + 1,
            properties: format!(r#"{{"displayName":"Number {index}","order":{}}}"#, index * 7919 % 1000),
            secrets: (index % 3 == 2).then(|| format!(r#"{{"value":"secret {index}"}}"#)),
        })
        .collect()
}

/// The manifest of a backup of these resources.
pub(crate) fn manifest(resources: &[Entry]) -> Manifest {
    let mut counts: Vec<(String, u64)> = Vec::new();
    for resource in resources {
        match counts.iter_mut().find(|(name, _)| *name == resource.resource_type) {
            Some((_, count)) => *count += 1,
            None => counts.push((resource.resource_type.clone(), 1)),
        }
    }
    Manifest {
        format_version: 1,
        service: "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers/\
                  Microsoft.ApiManagement/service/petshop"
            .to_owned(),
        name: "petshop".to_owned(),
        location: "westeurope".to_owned(),
        sku_name: "Developer".to_owned(),
        sku_capacity: 1,
        created_at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
        expires_at: "2026-02-01T03:04:05.678Z".parse().unwrap(),
        revision: 42,
        counts,
        producer: "evergate 0.1.0".to_owned(),
        key_ids: Vec::new(),
        header_sha256: String::new(),
        service_body: serde_json::json!({ "properties": { "publisherName": "Lab" } }),
    }
}

/// Writes a backup, sealed to `keys` unless there are none.
pub(crate) fn write(resources: &[Entry], keys: &[RecoveryKey]) -> (Vec<u8>, Summary) {
    let recipients: Vec<Recipient> = keys.iter().map(RecoveryKey::recipient).collect();
    let manifest = manifest(resources);
    let mut bytes = Vec::new();
    let mut writer =
        ArchiveWriter::new(&mut bytes, manifest.header(&recipients), manifest, &recipients).unwrap();
    for resource in resources {
        writer
            .resource(
                &resource.resource_type,
                &resource.path,
                &resource.etag,
                resource.revision,
                &resource.properties,
                resource.secrets.as_deref(),
            )
            .unwrap();
    }
    let summary = writer.finish().unwrap();
    (bytes, summary)
}
