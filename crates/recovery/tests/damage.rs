//! A stored backup in which one bit has changed is refused with the place of the change, and nothing is loaded.

#[path = "support/world.rs"]
mod world;

use evergate_archive::RecoveryKey;
use evergate_store::Verb;
use world::{Unusual, World};

const ALTERED: &str = "it was damaged or changed after it was made; restore another backup";

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_named_and_nothing_is_loaded() {
    let world = World::new();
    let one = world.region("one");
    let service = one.create_sample("svc1").await;
    one.backup(&service.id, "good").await;
    let good = std::fs::read(world.blob("good")).unwrap();
    let before = one.configuration(&service.id).await;
    let end = good.len();
    for (what, at, expected) in [
        ("the frame's magic", 0, "this is not an Evergate backup: check the container and the backup name"),
        ("the format's mark", 12, "this is not an Evergate backup: check the container and the backup name"),
        ("the header's JSON", 200, "the backup was altered: the header: ALTERED"),
        ("the header's padding", 3000, "the backup was altered: the header: ALTERED"),
        ("the header's hash", 4090, "the backup was altered: the header: ALTERED"),
        ("age's version line", 4100, "the backup was altered: the seal: ALTERED"),
        ("the wrapped key", 4200, "the backup was altered: the seal: ALTERED"),
        ("the sealed body", end - 500, "the backup was altered: the sealed body: decryption error: ALTERED"),
        (
            "the body's last byte",
            end - 129,
            "the backup was altered: the sealed body: decryption error: ALTERED",
        ),
        ("the trailer's mark", end - 110, "the backup was altered: the trailer: ALTERED"),
        ("the trailer's length", end - 95, "the backup was altered: the trailer: ALTERED"),
        ("the trailer's hash", end - 50, "the backup was altered: the trailer: ALTERED"),
        ("the last byte", end - 1, "the backup was altered: the trailer: ALTERED"),
    ] {
        for bit in [0, 6] {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            std::fs::write(world.blob("bad"), &bad).unwrap();
            let failure = one.run(&service.id, Verb::Restore, one.request("bad")).await.unwrap_err();
            let expected = format!("Cannot restore: {}", expected.replace("ALTERED", ALTERED));
            assert_eq!(failure.message, expected, "{what}");
            assert_eq!((failure.code.as_str(), failure.status), ("RestoreFailed", 400), "{what}");
        }
    }
    assert_eq!(one.configuration(&service.id).await, before);
    assert_eq!(one.store.generations(&service.id).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_sealed_to_another_key_names_both() {
    let world = World::new();
    let one = world.region("one");
    let service = one.create_sample("svc1").await;
    one.backup(&service.id, "good").await;
    let key = RecoveryKey::generate();
    let unusual = Unusual { key: Some(key.clone()), ..Unusual::default() };
    let two = world.unusual_region("two", unusual);
    let target = two.create_sample("svc1").await;
    let failure = two.run(&target.id, Verb::Restore, two.request("good")).await.unwrap_err();
    let expected = format!(
        "Cannot restore: the backup is sealed to the recovery key {}, and {} was given: start the server with \
         --recovery-key and the file of that key",
        world.key.id(),
        key.id()
    );
    assert_eq!(failure.message, expected);
}
