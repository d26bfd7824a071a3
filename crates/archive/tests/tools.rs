//! Standard tools open a backup as `docs/archive-format.md` says.
//!
//! Skipped, with a line that says so, where `tar` or `zstd` is not installed.

#[path = "support/sample.rs"]
mod sample;

use std::io::Read;
use std::path::Path;
use std::process::Command;

use sample::{key, resources, write};

fn shell(directory: &Path, script: &str) -> String {
    let output = Command::new("sh").args(["-ec", script]).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn missing(tools: &[&str]) -> bool {
    let missing = tools.iter().find(|tool| Command::new(tool).arg("--version").output().is_err());
    if let Some(tool) = missing {
        eprintln!("skipped: {tool} is not installed");
    }
    missing.is_some()
}

#[test]
fn tar_and_zstd_open_an_unsealed_backup() {
    if missing(&["tar", "zstd", "sha256sum"]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    std::fs::write(at.join("nightly"), write(&resources(20_000), &[]).0).unwrap();
    let names = shell(at, "tar --zstd -tf nightly");
    insta::assert_snapshot!("member_names", names);
    shell(at, "zstd -q -t nightly");
    let sums = shell(at, "tar --zstd -xf nightly && sha256sum -c checksums.sha256");
    assert_eq!(sums.lines().count(), names.lines().count() - 1);
    assert_eq!(shell(at, "cat resources/*.jsonl | wc -l").trim(), "20000");
    let listing = shell(at, "TZ=UTC tar --zstd -tvf nightly manifest.json");
    assert!(listing.contains("2026-01-02 03:04") && listing.starts_with("-rw-r--r--"), "{listing}");
}

/// The header can be read and the whole be hashed as the page shows; `age` itself is seldom installed, so the library
/// opens what `tail` and `head` cut out.
#[test]
fn a_sealed_backup_is_cut_as_documented() {
    if missing(&["tail", "head", "sha256sum"]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    std::fs::write(at.join("nightly"), write(&resources(100), &[key()]).0).unwrap();
    shell(at, "tail -c +4097 nightly | head -c -128 > cut.age");
    shell(at, "tail -c +4097 nightly | head -c $(( $(wc -c < nightly) - 4224 )) | cmp - cut.age");
    let identity: age::x25519::Identity = key().to_file_text().lines().last().unwrap().parse().unwrap();
    let sealed = std::fs::File::open(at.join("cut.age")).unwrap();
    let mut opened = age::Decryptor::new(sealed)
        .unwrap()
        .decrypt(std::iter::once(&identity as &dyn age::Identity))
        .unwrap();
    let mut body = Vec::new();
    opened.read_to_end(&mut body).unwrap();
    let plain = zstd::stream::decode_all(body.as_slice()).unwrap();
    let mut archive = tar::Archive::new(plain.as_slice());
    assert_eq!(archive.entries().unwrap().count(), 5);
    let header = shell(at, "head -c 4032 nightly | tail -c +25");
    let header: serde_json::Value = serde_json::from_str(&header).unwrap();
    assert_eq!(header["keyIds"], serde_json::json!([key().id()]));
    let stated = shell(at, "tail -c 128 nightly | tail -c +41 | head -c 64");
    assert!(shell(at, "head -c -128 nightly | sha256sum").starts_with(&stated));
}
