//! Any bytes, offered to the archive reader at each of its layers.
//!
//! Bytes alone never get past the header's hash, so they are also wrapped: as the header's JSON, as the body,
//! as tar inside a frame, as the lines of a part, as the manifest.

#[path = "../../crates/archive/tests/support/forge.rs"]
pub(crate) mod forge;

use std::io::Cursor;

use evergate_archive::{Header, ReadError, Recipient, RecoveryKey, Unverified, check_integrity};
use forge::Forgery;

/// Whatever the bytes are, nothing panics, and what verifies hands out what its manifest announces.
pub(crate) fn body(data: &[u8]) {
    read(data);
    let correct = Forgery::correct();
    let header = correct.header();
    read(&forge::file(&forge::header(data), b""));
    read(&forge::file(&header, data));
    let frames = correct.frames();
    read(&correct.build_of(&[frames[0].clone(), data.to_vec(), frames[2].clone()]));
    read(&correct.build_of(&[forge::member("manifest.json", data), frames[1].clone(), frames[2].clone()]));
    let mut forgery = Forgery::correct();
    forgery.parts[0].1 = data.to_vec();
    forgery.manifest["counts"]["apis"] = data.split(|byte| *byte == b'\n').count().saturating_sub(1).into();
    read(&forgery.build());
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = RecoveryKey::parse(text);
        let _ = text.parse::<Recipient>();
    }
}

fn read(file: &[u8]) {
    let _ = Header::read(file);
    let intact = check_integrity(Cursor::new(file)).is_ok();
    let Ok(mut verified) = Unverified::open(Cursor::new(file), &[]).and_then(Unverified::verify) else {
        return;
    };
    assert!(intact);
    let mut resources = 0;
    let read = verified.for_each(|line| {
        assert!(line.path.starts_with('/') && line.properties.starts_with('{'));
        resources += 1;
        Ok::<_, ReadError>(())
    });
    assert!(read.is_ok() && resources == verified.manifest().resources());
}
