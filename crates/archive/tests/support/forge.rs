//! A second writer of the format, made from its specification alone, that writes whatever it is told to:
//! what this crate's own writer never would.

#![allow(dead_code, reason = "each user of it uses a part of it")]

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};

/// The hash as the format writes it.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// A header frame around any bytes that fit.
pub(crate) fn header(json: &[u8]) -> Vec<u8> {
    let mut out = b"\x5E\x2A\x4D\x18\xF8\x0F\x00\x00EVERGATE BACKUP\n".to_vec();
    out.extend_from_slice(&json[..json.len().min(4007)]);
    out.resize(4031, b' ');
    out.push(b'\n');
    let digest = sha256(&out);
    out.extend_from_slice(digest.as_bytes());
    out
}

/// The whole file of a header frame and a body.
pub(crate) fn file(header: &[u8], body: &[u8]) -> Vec<u8> {
    let mut out = [header, body].concat();
    let mut trailer = b"\x5E\x2A\x4D\x18\x78\x00\x00\x00EVERGATE ENDING\n".to_vec();
    trailer.extend_from_slice(format!("{:016x}{}", out.len() + 128, sha256(&out)).as_bytes());
    let check = sha256(&trailer);
    trailer.extend_from_slice(&check.as_bytes()[..24]);
    out.extend_from_slice(&trailer);
    out
}

/// A frame as the format wants it.
pub(crate) fn frame(content: &[u8]) -> Vec<u8> {
    let mut compressor = zstd::bulk::Compressor::new(1).unwrap();
    compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true)).unwrap();
    compressor.compress(content).unwrap()
}

/// A tar member with any name and of any kind.
pub(crate) fn entry(kind: tar::EntryType, name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_ustar_mut().unwrap().name[..name.len().min(100)]
        .copy_from_slice(&name.as_bytes()[..name.len().min(100)]);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_entry_type(kind);
    header.set_cksum();
    let mut out = [header.as_bytes().as_slice(), content].concat();
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

/// A regular member.
pub(crate) fn member(name: &str, content: &[u8]) -> Vec<u8> {
    entry(tar::EntryType::Regular, name, content)
}

/// An archive by its parts, each of which a test can replace before it is put together.
#[derive(Clone)]
pub(crate) struct Forgery {
    pub(crate) header: serde_json::Value,
    pub(crate) manifest: serde_json::Value,
    /// Names and contents of the members between manifest and checksums.
    pub(crate) parts: Vec<(String, Vec<u8>)>,
    /// The checksums instead of the right ones.
    pub(crate) checksums: Option<String>,
}

impl Forgery {
    /// A correct archive with two resources in one part.
    pub(crate) fn correct() -> Self {
        let line = |name: &str| {
            format!("{{\"path\":\"/apis/{name}\",\"etag\":\"e\",\"revision\":1,\"properties\":{{}}}}\n")
        };
        let common = serde_json::json!({
            "formatVersion": 1, "location": "westeurope", "skuName": "Developer", "skuCapacity": 1,
            "createdAt": "2026-01-02T03:04:05Z", "expiresAt": "2026-02-01T03:04:05Z", "keyIds": [],
        });
        let mut header = common.clone();
        header["service"] = "petshop".into();
        header["sealed"] = false.into();
        let mut manifest = common;
        manifest["service"] = "/subscriptions/s/service/petshop".into();
        manifest["name"] = "petshop".into();
        manifest["revision"] = 7.into();
        manifest["counts"] = serde_json::json!({ "apis": 2 });
        manifest["producer"] = "forge".into();
        manifest["serviceBody"] = serde_json::json!({});
        let part = [line("a"), line("b")].concat().into_bytes();
        Self {
            header,
            manifest,
            parts: vec![("resources/apis.0001.jsonl".to_owned(), part)],
            checksums: None,
        }
    }

    /// The header's bytes.
    pub(crate) fn header(&self) -> Vec<u8> {
        header(self.header.to_string().as_bytes())
    }

    /// The manifest's text; it names the header's hash unless it names one already.
    pub(crate) fn manifest(&self) -> Vec<u8> {
        let mut manifest = self.manifest.clone();
        if manifest.get("headerSha256").is_none() {
            manifest["headerSha256"] = sha256(&self.header()).into();
        }
        manifest.to_string().into_bytes()
    }

    /// The text of the checksums.
    pub(crate) fn checksums(&self) -> String {
        let manifest = ("manifest.json".to_owned(), self.manifest());
        let members = std::iter::once(&manifest).chain(&self.parts);
        let mut right = String::new();
        for (name, content) in members {
            writeln!(right, "{}  {name}", sha256(content)).unwrap();
        }
        self.checksums.clone().unwrap_or(right)
    }

    /// The contents of the frames: manifest, parts, checksums with the end mark.
    pub(crate) fn frames(&self) -> Vec<Vec<u8>> {
        let mut end = member("checksums.sha256", self.checksums().as_bytes());
        end.resize(end.len() + 1024, 0);
        let parts =
            self.parts.iter().map(|(name, content)| member(name, content)).collect::<Vec<_>>().concat();
        vec![member("manifest.json", &self.manifest()), parts, end]
    }

    /// The file.
    pub(crate) fn build(&self) -> Vec<u8> {
        self.build_of(&self.frames())
    }

    /// The file with these frames' contents.
    pub(crate) fn build_of(&self, frames: &[Vec<u8>]) -> Vec<u8> {
        let body: Vec<u8> =
            frames.iter().filter(|content| !content.is_empty()).flat_map(|content| frame(content)).collect();
        file(&self.header(), &body)
    }
}
