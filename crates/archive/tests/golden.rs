//! Backups written by the first release of the format still open, and today's writer lays out the same.
//!
//! `cargo test -p evergate-archive --test golden -- --ignored` writes the files anew; that is right only when the
//! format itself has changed and its version with it.

#[path = "support/sample.rs"]
mod sample;

use std::fmt::Write;
use std::io::{Cursor, Read};
use std::path::PathBuf;

use evergate_archive::{ReadError, RecoveryKey, Unverified};
use sample::{Entry, key, resources, write};

const RESOURCES: usize = 7;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

#[test]
#[ignore = "it replaces what the other tests compare with"]
fn write_fixtures() {
    std::fs::write(path("unsealed-v1.backup"), write(&resources(RESOURCES), &[]).0).unwrap();
    std::fs::write(path("sealed-v1.backup"), write(&resources(RESOURCES), &[key()]).0).unwrap();
}

/// The tar stream inside an unsealed file, by the Zstandard library alone.
fn unpacked(file: &[u8]) -> Vec<u8> {
    zstd::stream::decode_all(file).unwrap()
}

fn check_opens(file: Vec<u8>, keys: &[RecoveryKey]) {
    let mut verified = Unverified::open(Cursor::new(file), keys).unwrap().verify().unwrap();
    let mut found = Vec::new();
    verified
        .for_each(|line| {
            found.push(Entry::from(line));
            Ok::<_, ReadError>(())
        })
        .unwrap();
    assert_eq!(found, resources(RESOURCES));
}

#[test]
fn the_first_files_still_open() {
    check_opens(fixture("unsealed-v1.backup"), &[]);
    check_opens(fixture("sealed-v1.backup"), &[key()]);
}

#[test]
fn members_and_their_texts_are_as_they_were() {
    let file = fixture("unsealed-v1.backup");
    let mut text = format!("header {}\n", String::from_utf8_lossy(&file[24..4032]).trim_end());
    let tar = unpacked(&file);
    for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let (path, header) = (entry.path().unwrap().display().to_string(), entry.header().clone());
        let (mode, time) = (header.mode().unwrap(), header.mtime().unwrap());
        writeln!(text, "\n{path} mode {mode:o} time {time} size {}", header.size().unwrap()).unwrap();
        entry.read_to_string(&mut text).unwrap();
    }
    insta::assert_snapshot!(text);
}

/// The compressed bytes may change with the Zstandard library; header and tar stream may not.
#[test]
fn todays_writer_lays_out_the_same() {
    let (then, now) = (fixture("unsealed-v1.backup"), write(&resources(RESOURCES), &[]).0);
    assert_eq!(then[..4096], now[..4096]);
    assert!(unpacked(&then) == unpacked(&now));
}
