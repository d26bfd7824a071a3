//! Archives whose hashes are all right and whose content is not: each is refused, and the error says where.

#[path = "support/forge.rs"]
mod forge;

use std::io::Cursor;

use evergate_archive::{ReadError, Unverified};
use forge::{Forgery, entry, file, frame, member};
use serde_json::json;
use tar::EntryType;

fn verify(bytes: Vec<u8>) -> Result<u64, ReadError> {
    let mut verified = Unverified::open(Cursor::new(bytes), &[])?.verify()?;
    let mut resources = 0;
    verified.for_each(|_| {
        resources += 1;
        Ok::<_, ReadError>(())
    })?;
    Ok(resources)
}

fn check(what: &str, bytes: Vec<u8>, expected: &str) {
    match verify(bytes) {
        Err(ReadError::Altered { place }) => assert!(place.contains(expected), "{what}: {place}"),
        other => panic!("{what}: {other:?}"),
    }
}

/// A correct archive with one thing changed.
fn forged(change: impl FnOnce(&mut Forgery)) -> Vec<u8> {
    let mut forgery = Forgery::correct();
    change(&mut forgery);
    forgery.build()
}

/// A correct archive whose frames' contents are changed.
fn reframed(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let forgery = Forgery::correct();
    let mut frames = forgery.frames();
    change(&mut frames);
    forgery.build_of(&frames)
}

/// A correct archive whose body is changed as bytes.
fn rebodied(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let forgery = Forgery::correct();
    let mut frames: Vec<Vec<u8>> = forgery.frames().iter().map(|content| frame(content)).collect();
    change(&mut frames);
    file(&forgery.header(), &frames.concat())
}

#[test]
fn a_file_made_from_the_specification_is_read() {
    assert_eq!(verify(Forgery::correct().build()).unwrap(), 2);
    let more = forged(|forgery| {
        forgery.header["later"] = json!("addition");
        forgery.manifest["later"] = json!(["addition"]);
        forgery.manifest["counts"]["products"] = json!(0);
    });
    assert_eq!(verify(more).unwrap(), 2);
}

#[test]
fn header_and_manifest_must_agree() {
    for (member, value) in [
        ("location", json!("northeurope")),
        ("skuName", json!("Premium")),
        ("skuCapacity", json!(2)),
        ("createdAt", json!("2026-01-02T03:04:06Z")),
        ("expiresAt", json!("2036-01-02T03:04:05Z")),
    ] {
        let expected = format!("state another {member}");
        check(member, forged(|forgery| forgery.header[member] = value.clone()), &expected);
        check(member, forged(|forgery| forgery.manifest[member] = value), &expected);
    }
    let another = |forgery: &mut Forgery| forgery.header["service"] = json!("bookshop");
    check("service", forged(another), "state another service");
    check("name", forged(|forgery| forgery.manifest["name"] = json!("bookshop")), "state another service");
    check("keys", forged(|forgery| forgery.manifest["keyIds"] = json!(["00"])), "state another keyIds");
    check("version", forged(|forgery| forgery.manifest["formatVersion"] = json!(2)), "another formatVersion");
    let exchanged = |forgery: &mut Forgery| forgery.manifest["headerSha256"] = json!("0".repeat(64));
    check("hash", forged(exchanged), "the header is not the one that the manifest names");
    check("flag", forged(|forgery| forgery.header["sealed"] = json!(true)), "contradicts itself");
    check("zero", forged(|forgery| forgery.header["formatVersion"] = json!(0)), "contradicts itself");
    check("fact", forged(|forgery| forgery.header["skuName"] = json!(null)), "the header:");
    check("fact", forged(|forgery| forgery.manifest["revision"] = json!("x")), "manifest.json:");
}

#[test]
fn a_newer_format_is_named() {
    let newer = forged(|forgery| {
        forgery.header = json!({ "formatVersion": 9, "everything": "else is different" });
    });
    let error = Unverified::open(Cursor::new(newer), &[]).unwrap_err();
    assert!(matches!(error, ReadError::NewerFormat { found: 9, known: 1 }), "{error:?}");
}

#[test]
fn only_known_members_are_let_in() {
    for name in [
        "../manifest.json",
        "/etc/passwd",
        "resources/../../../home/x.0001.jsonl",
        "resources/..0001.jsonl",
        "resources/apis\\..\\x.0001.jsonl",
        "resources/apis.1.jsonl",
        "resources/apis.0001.jsonl/",
        "resources/",
        "notes.txt",
        "",
    ] {
        let change = |frames: &mut Vec<Vec<u8>>| frames[1].extend(member(name, b"{}\n"));
        check(name, reframed(change), "unexpected member");
    }
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Directory,
        EntryType::Fifo,
        EntryType::GNULongName,
        EntryType::GNUSparse,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
    ] {
        let extra = entry(kind, "resources/apis.0002.jsonl", b"x\n");
        check("kind", reframed(|frames| frames[1].extend(extra)), "unexpected member");
    }
}

#[test]
fn members_come_once_and_in_their_places() {
    let twice = |forgery: &mut Forgery| forgery.parts.push(forgery.parts[0].clone());
    check("part twice", forged(twice), "part 1 of apis follows part 1");
    let second = |forgery: &mut Forgery| forgery.parts[0].0 = "resources/apis.0002.jsonl".to_owned();
    check("first part missing", forged(second), "part 2 of apis follows part 0");
    check("no parts", forged(|forgery| forgery.parts.clear()), "the counts");
    check("no manifest", reframed(|frames| drop(frames.remove(0))), "wrong place");
    check("manifest twice", reframed(|frames| frames.insert(1, frames[0].clone())), "wrong place");
    check("manifest late", reframed(|frames| frames.swap(0, 1)), "wrong place");
    check("not alone", reframed(|frames| frames[0] = frames[..2].concat()), "more than the manifest");
    check("no checksums", reframed(|frames| drop(frames.pop())), "checksums.sha256 is missing");
    check("checksums early", reframed(|frames| frames.swap(1, 2)), "does not match");
    check("checksums twice", reframed(|frames| frames.push(frames[2].clone())), "follows the end");
    check("nothing", reframed(Vec::clear), "there is no manifest");
    let shorten = |content: &mut Vec<u8>, by: usize| content.truncate(content.len() - by);
    check("no end mark", reframed(|frames| shorten(&mut frames[2], 1024)), "end mark does not follow");
    check("half an end mark", reframed(|frames| shorten(&mut frames[2], 512)), "goes on after the end mark");
    check("more zeros", reframed(|frames| frames[2].extend([0; 512])), "goes on after the end mark");
    check("early end mark", reframed(|frames| frames[1].extend([0; 1024])), "end mark does not follow");
}

#[test]
fn counts_and_checksums_must_be_right() {
    for counts in [json!({}), json!({ "apis": 1 }), json!({ "apis": 3 }), json!({ "apis": 2, "products": 1 })]
    {
        check("counts", forged(|forgery| forgery.manifest["counts"] = counts), "the counts");
    }
    let right = Forgery::correct().checksums();
    for wrong in [String::new(), right.replace("  ", " "), right.to_uppercase(), format!("{right}{right}")] {
        let change = |forgery: &mut Forgery| forgery.checksums = Some(wrong);
        check("checksums", forged(change), "checksums.sha256 does not match");
    }
}

#[test]
fn lines_must_be_whole_and_known() {
    for (line, expected) in [
        (r#"{"path":"/a/b","etag":"e","revision":1,"properties":{},"extra":1}"#, "Data error"),
        (r#"{"path":"/a/b","etag":"e","properties":{}}"#, "Data error"),
        (r#"{"path":"/a/b","etag":"e","revision":-1,"properties":{}}"#, "Data error"),
        (r#"{"path":"/a/b","path":"/a/c","etag":"e","revision":1,"properties":{}}"#, "Data error"),
        (r#"{"path":"/a/b","etag":"e","revision":1,"properties":[]}"#, "objects"),
        (r#"{"path":"/a/b","etag":"e","revision":1,"properties":{},"secrets":"s"}"#, "objects"),
        (r#"{"path":"a/b","etag":"e","revision":1,"properties":{}}"#, "slash"),
        (r#"{"path":"/a/b","etag":"e","revision":1,"properties":{}"#, "Eof error"),
        ("", "Eof error"),
        ("null", "Data error"),
    ] {
        let content = format!("{line}\n").into_bytes();
        check(line, forged(|forgery| forgery.parts[0].1 = content), expected);
    }
    let cut = |forgery: &mut Forgery| assert_eq!(forgery.parts[0].1.pop(), Some(b'\n'));
    check("no last newline", forged(cut), "does not end with a newline");
    check("empty part", forged(|forgery| forgery.parts[0].1.clear()), "does not end with a newline");
}

/// What a frame or a member states about its size is believed only as far as the format allows.
#[test]
fn sizes_are_bounded_before_memory_is_taken() {
    let stating = |size: u64| {
        let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0b1110_0100];
        frame.extend(size.to_le_bytes());
        frame
    };
    for size in [u64::MAX, 1 << 40, (66 << 20) + 1] {
        check("frame", rebodied(|frames| frames[1] = stating(size)), "states a size of");
    }
    // Blocks of one repeated byte, 128 KiB each, many more than the frame's stated size.
    let mut bomb = stating(10);
    for _ in 0..1000 {
        bomb.extend([0b0000_0010, 0, 0b0001_0000, 0]);
    }
    check("bomb", rebodied(|frames| frames[1] = bomb), "a block is too large");
    let mut long = member("resources/apis.0002.jsonl", b"x\n");
    long.truncate(512);
    let mut header = tar::Header::from_byte_slice(&long).clone();
    header.set_size(u64::MAX / 2);
    header.set_cksum();
    check("member", reframed(|frames| frames[1].extend(header.as_bytes())), "is cut");
}

#[test]
fn frames_are_of_the_one_allowed_kind() {
    let no_checksum = zstd::bulk::compress(&Forgery::correct().frames()[1], 3).unwrap();
    check("no checksum", rebodied(|frames| frames[1] = no_checksum), "not one that the format allows");
    let no_size = zstd::stream::encode_all(Forgery::correct().frames()[1].as_slice(), 3).unwrap();
    check("no size", rebodied(|frames| frames[1] = no_size), "not one that the format allows");
    let skippable = [0x5E, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 1, 2, 3, 4].to_vec();
    check("skippable", rebodied(|frames| frames.insert(1, skippable)), "not one that the format allows");
    check("cut by one", rebodied(|frames| assert!(frames[2].pop().is_some())), "it is cut");
    check("cut", rebodied(|frames| frames[2].truncate(3)), "it is cut");
    check("garbage", rebodied(|frames| frames[1] = b"something else entirely".to_vec()), "not one that");
    let mut wrong_size = frame(&Forgery::correct().frames()[1]);
    wrong_size[5] ^= 1;
    check("another size", rebodied(|frames| frames[1] = wrong_size), "does not decompress");
    let split = |frames: &mut Vec<Vec<u8>>| {
        let rest = frames[1].split_off(700);
        frames.insert(2, rest);
    };
    check("a member in two frames", reframed(split), "is cut");
}
