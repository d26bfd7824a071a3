//! Every cut and every flipped bit is found, and the two are told apart.

#[path = "support/sample.rs"]
mod sample;

use std::io::{Cursor, Seek, SeekFrom, Write};

use evergate_archive::{ReadError, RecoveryKey, Unverified, check_integrity};
use proptest::prelude::*;
use sample::{key, resources, write};

fn verify(bytes: &[u8], keys: &[RecoveryKey]) -> Result<(), ReadError> {
    Unverified::open(Cursor::new(bytes), keys)?.verify().map(drop)
}

#[test]
fn every_truncation_is_found() {
    for keys in [vec![], vec![key()]] {
        let (bytes, _) = write(&resources(5), &keys);
        for length in 0..bytes.len() {
            for found in
                [verify(&bytes[..length], &keys), check_integrity(Cursor::new(&bytes[..length])).map(drop)]
            {
                match found {
                    Err(ReadError::Truncated { found, .. }) => assert_eq!(found, length as u64),
                    other => panic!("{length} of {} bytes: {other:?}", bytes.len()),
                }
            }
        }
    }
}

#[test]
fn a_missing_middle_is_found_as_truncation() {
    let (bytes, _) = write(&resources(5), &[key()]);
    let cut = [&bytes[..5000], &bytes[5100..]].concat();
    let error = verify(&cut, &[key()]).unwrap_err();
    let (found, expected) = (cut.len() as u64, Some(bytes.len() as u64));
    assert!(matches!(error, ReadError::Truncated { found: f, expected: e } if f == found && e == expected));
    assert_eq!(error.to_string(), format!("the backup is truncated: {} bytes of {}", cut.len(), bytes.len()));
}

/// All bits of the unsealed file; in the sealed one, where opening the seal costs more, one bit of every byte.
#[test]
fn every_flipped_bit_is_found() {
    for keys in [vec![], vec![key()]] {
        let (mut bytes, _) = write(&resources(5), &keys);
        for at in 0..bytes.len() {
            let bits = if keys.is_empty() { 0..8 } else { at % 8..at % 8 + 1 };
            for bit in bits {
                bytes[at] ^= 1 << bit;
                for found in [verify(&bytes, &keys), check_integrity(Cursor::new(&bytes)).map(drop)] {
                    match found {
                        Err(ReadError::NotABackup) if at < 24 => {}
                        Err(ReadError::Altered { .. }) if at >= 24 => {}
                        other => panic!("bit {bit} of byte {at} of {}: {other:?}", bytes.len()),
                    }
                }
                bytes[at] ^= 1 << bit;
            }
        }
        verify(&bytes, &keys).unwrap();
    }
}

#[test]
fn the_error_names_the_place() {
    let (bytes, _) = write(&resources(5), &[key()]);
    let check = |at: usize, expected: &str| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        let text = verify(&bytes, &[key()]).unwrap_err().to_string();
        assert_eq!(text, format!("the backup was altered: {expected}"), "byte {at}");
    };
    check(100, "the header");
    check(4096 + 25, "the seal");
    check(bytes.len() - 140, "the sealed body: decryption error");
    check(bytes.len() - 30, "the trailer");
    check(bytes.len() - 120, "the trailer");
}

#[test]
fn a_key_that_is_missing_or_wrong_is_named() {
    let (bytes, _) = write(&resources(5), &[key(), RecoveryKey::generate()]);
    let error = verify(&bytes, &[]).unwrap_err();
    assert!(
        matches!(&error, ReadError::KeyMissing { key_ids } if key_ids.len() == 2 && key_ids[0] == key().id())
    );
    assert!(error.to_string().contains(key().id()), "{error}");
    let others = [RecoveryKey::generate(), RecoveryKey::generate()];
    let error = verify(&bytes, &others).unwrap_err();
    assert!(matches!(&error, ReadError::WrongKey { needed, given } if needed.len() == 2 && given.len() == 2));
    for id in [key().id(), others[0].id(), others[1].id()] {
        assert!(error.to_string().contains(id), "{error}");
    }
    let [first, second] = others;
    verify(&bytes, &[first, key(), second]).unwrap();
}

#[test]
fn another_file_is_no_backup() {
    for bytes in [b"PK\x03\x04".to_vec(), vec![0; 10_000], b"{\"not\":\"a backup\"}".repeat(1000)] {
        let error = verify(&bytes, &[key()]).unwrap_err();
        assert!(matches!(error, ReadError::NotABackup), "{error:?}");
    }
}

/// The file may change between the two readings; nothing of the change is handed out.
#[test]
fn a_change_after_verification_is_found() {
    for keys in [vec![], vec![key()]] {
        let given = resources(20_000);
        let (bytes, _) = write(&given, &keys);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        let mut verified = Unverified::open(file.reopen().unwrap(), &keys).unwrap().verify().unwrap();
        let at = bytes.len() / 2;
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        file.write_all(&[bytes[at] ^ 1]).unwrap();
        let mut handed_out = 0;
        let end = verified.for_each(|line| {
            assert_eq!(sample::Entry::from(line), given[handed_out]);
            handed_out += 1;
            Ok::<_, ReadError>(())
        });
        assert!(matches!(end, Err(ReadError::Altered { .. })), "{end:?}");
        assert!(handed_out < given.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damage_of_a_larger_file_is_found(
        sealed in any::<bool>(),
        damage in 0..5_u8,
        places in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        bit in 0..8_u8,
    ) {
        let keys = if sealed { vec![key()] } else { vec![] };
        let (original, _) = write(&resources(30_000), &keys);
        let mut bytes = original.clone();
        let (first, second) = (places.0.index(bytes.len()), places.1.index(bytes.len()));
        let (low, high) = (first.min(second), first.max(second));
        match damage {
            0 => bytes[first] ^= 1 << bit,
            1 => bytes.truncate(first),
            2 => drop(bytes.drain(low..high)),
            3 => bytes[low..high].fill(0),
            _ => bytes.swap(low, high),
        }
        if bytes != original {
            prop_assert!(verify(&bytes, &keys).is_err());
            prop_assert!(check_integrity(Cursor::new(&bytes)).is_err());
        }
    }
}
