//! What is written comes back, sealed or not, small or of many frames.

#[path = "support/sample.rs"]
mod sample;

use std::io::Cursor;

use evergate_archive::{Header, ReadError, Unverified, check_integrity};
use proptest::prelude::*;
use sample::{Entry, key, manifest, resources, write};

fn check(given: &[Entry], sealed: bool) {
    let keys = if sealed { vec![key()] } else { Vec::new() };
    let (bytes, summary) = write(given, &keys);
    assert_eq!(summary.bytes, bytes.len() as u64);
    assert_eq!(summary.resources, given.len() as u64);
    let unverified = Unverified::open(Cursor::new(&bytes), &keys).unwrap();
    assert_eq!(unverified.header(), &Header::read(bytes.as_slice()).unwrap());
    assert_eq!(unverified.header(), &check_integrity(Cursor::new(&bytes)).unwrap());
    let mut verified = unverified.verify().unwrap();
    assert_eq!(verified.manifest().counts, manifest(given).counts);
    assert_eq!(verified.bytes(), summary.bytes);
    for _twice in 0..2 {
        let mut found = Vec::new();
        verified
            .for_each(|line| {
                found.push(Entry::from(line));
                Ok::<_, ReadError>(())
            })
            .unwrap();
        assert!(found == given, "{} resources came back of {}", found.len(), given.len());
    }
}

#[test]
fn resources_come_back() {
    for sealed in [false, true] {
        for count in [0, 1, 3, 20_000] {
            check(&resources(count), sealed);
        }
    }
}

#[test]
fn a_resource_larger_than_a_part_comes_back() {
    let mut given = resources(3);
    given[1].properties = format!(r#"{{"value":"{}"}}"#, "schema ".repeat(1 << 20));
    check(&given, true);
}

#[test]
fn newlines_between_tokens_become_spaces() {
    let mut given = resources(1);
    given[0].properties = "{\n \"a\":\n 1 }".to_owned();
    let (bytes, _) = write(&given, &[]);
    let mut verified = Unverified::open(Cursor::new(bytes), &[]).unwrap().verify().unwrap();
    let mut seen = 0;
    verified
        .for_each(|line| {
            assert_eq!(line.properties, "{  \"a\":  1 }");
            seen += 1;
            Ok::<_, ReadError>(())
        })
        .unwrap();
    assert_eq!(seen, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_text_comes_back(
        rows in prop::collection::vec((0..3_usize, "\\PC{1,20}", "\\PC{0,8}", any::<u64>(), any::<String>(), prop::option::of(any::<String>())), 0..40),
        sealed in any::<bool>(),
    ) {
        let mut given: Vec<Entry> = rows
            .into_iter()
            .map(|(kind, name, etag, revision, text, secret)| {
                let resource_type = ["apis", "apis/operations", "namedValues"][kind];
                let object = |text: String| serde_json::json!({ "text": text }).to_string();
                Entry {
                    resource_type: resource_type.to_owned(),
                    path: format!("/{name}"),
                    etag,
                    revision,
                    properties: object(text),
                    secrets: secret.map(object),
                }
            })
            .collect();
        given.sort_by(|a, b| a.resource_type.cmp(&b.resource_type));
        check(&given, sealed);
    }
}
