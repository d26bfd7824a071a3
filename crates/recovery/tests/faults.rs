//! Backup and restore while the storage account fails: nothing half-done is ever visible, the error says what
//! happened, and the next attempt succeeds.

#[path = "support/faults.rs"]
mod faults;
#[path = "support/world.rs"]
mod world;

use evergate_model::ServiceId;
use evergate_store::{GenerationState, StoreError, Verb};
use faults::{Call, Fault, Faults};
use serde_json::json;
use world::{Region, Unusual, World, put};

/// A region behind the faults, and its service.
async fn region(world: &World, faults: &Faults) -> (Region, ServiceId) {
    let unusual = Unusual { wrapper: Some(faults.wrapper()), ..Unusual::default() };
    let region = world.unusual_region("one", unusual);
    let service = region.create_sample("svc1").await;
    (region, service.id)
}

/// Makes the backup longer than one part of an upload, with text that does not compress.
async fn grow(region: &Region, service: &ServiceId) {
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    for batch in 0..11 {
        let mut text = String::with_capacity(1 << 20);
        while text.len() < 1 << 20 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            text.extend(seed.to_le_bytes().map(|byte| char::from(b'0' + byte % 64)).iter());
        }
        let text = text.replace('\\', "/");
        let edit = put(&format!("/apis/large{batch}"), json!({ "text": text }), json!({}));
        region.commit(service, vec![edit]).await.unwrap();
    }
}

/// The calls a backup makes that can fail, and how; `large` says which of the two ways of uploading.
fn backup_faults(large: bool) -> Vec<(Call, usize, Fault, &'static str)> {
    let (busy, reset) = ("the service is busy", "the connection was reset");
    let mut all = vec![(Call::Get, 0, Fault::Fails, busy)];
    if large {
        all.extend([
            (Call::Begin, 0, Fault::Fails, busy),
            (Call::Part, 0, Fault::Fails, busy),
            (Call::Part, 0, Fault::Drops, reset),
            (Call::Part, 1, Fault::Drops, reset),
            (Call::Complete, 0, Fault::Fails, busy),
            (Call::Complete, 0, Fault::Drops, reset),
        ]);
    } else {
        all.extend([(Call::Put, 0, Fault::Fails, busy), (Call::Put, 0, Fault::Drops, reset)]);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_fails_leaves_the_former_one() {
    for large in [false, true] {
        let (world, faults) = (World::new(), Faults::none());
        let (one, service) = region(&world, &faults).await;
        one.backup(&service, "night").await;
        let former = std::fs::read(world.blob("night")).unwrap();
        if large {
            grow(&one, &service).await;
        }
        for (call, nth, fault, reason) in backup_faults(large) {
            for name in ["night", "new"] {
                let what = format!("{fault:?} {call:?} {nth} of {name}");
                faults.plan(call, nth, fault);
                let failure = one.run(&service, Verb::Backup, one.request(name)).await.unwrap_err();
                assert!(faults.was_hit(), "{what}");
                let expected = format!("Cannot back up: storage account 'devacct' failed: {reason}");
                assert_eq!((failure.code.as_str(), failure.message), ("BackupFailed", expected), "{what}");
                assert_eq!(world.blobs(), ["night"], "{what}");
                assert!(std::fs::read(world.blob("night")).unwrap() == former, "{what}");
            }
        }
        one.backup(&service, "night").await;
        let before = one.configuration(&service).await;
        one.restore(&service, "night").await;
        assert_eq!(one.configuration(&service).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_fails_changes_nothing() {
    let (world, faults) = (World::new(), Faults::none());
    let (one, service) = region(&world, &faults).await;
    grow(&one, &service).await;
    let result = one.backup(&service, "night").await;
    let bytes = result["bytes"].as_u64().unwrap();
    assert!(bytes > 8 << 20);
    one.commit(&service, vec![put("/apis/later", json!({}), json!({}))]).await.unwrap();
    let before = one.configuration(&service).await;
    let revision = one.store.service(&service).await.unwrap().unwrap().revision;

    let (start, range) = (256 << 10, 8 << 20);
    let (busy, reset) = ("the service is busy", "the connection was reset");
    let short = |of: u64| format!("it sent {} of {of} bytes and stopped; send the request again", of / 2);
    for (nth, fault, reason) in [
        (0, Fault::Fails, busy.to_owned()),
        (0, Fault::Drops, reset.to_owned()),
        (0, Fault::Truncates, short(start)),
        (1, Fault::Fails, busy.to_owned()),
        (1, Fault::Drops, reset.to_owned()),
        (1, Fault::Truncates, short(range)),
        (2, Fault::Drops, reset.to_owned()),
        (2, Fault::Truncates, short(bytes - start - range)),
    ] {
        faults.plan(Call::Get, nth, fault);
        let failure = one.run(&service, Verb::Restore, one.request("night")).await.unwrap_err();
        let expected = format!("Cannot restore: storage account 'devacct' failed: {reason}");
        assert_eq!((failure.code.as_str(), failure.message), ("RestoreFailed", expected), "{fault:?} {nth}");
        assert_eq!(one.configuration(&service).await, before);
        assert_eq!(one.store.service(&service).await.unwrap().unwrap().revision, revision);
        let generations = one.store.generations(&service).await.unwrap();
        assert!(generations.iter().all(|generation| generation.state == GenerationState::Live));
        assert!(world::is_bare(&world.folder.join("one/spool")));
    }
    one.restore(&service, "night").await;
    assert_eq!(one.configuration(&service).await.len(), before.len() - 1);
}

/// Storage that keeps half of what it was given and says all is well: the backup cannot know, the restore must.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_storage_cut_is_not_restored() {
    let (world, faults) = (World::new(), Faults::none());
    let (one, service) = region(&world, &faults).await;
    faults.plan(Call::Put, 0, Fault::Truncates);
    let result = one.backup(&service, "night").await;
    let half = std::fs::metadata(world.blob("night")).unwrap().len();
    assert_eq!(half, result["bytes"].as_u64().unwrap() / 2);
    let before = one.configuration(&service).await;
    let failure = one.run(&service, Verb::Restore, one.request("night")).await.unwrap_err();
    let expected = format!(
        "Cannot restore: the backup is truncated: {half} bytes: its upload was cut; restore another backup"
    );
    assert_eq!(failure.message, expected);
    assert_eq!(one.configuration(&service).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_backup_holds_nothing_up() {
    for call in [Call::Get, Call::Put] {
        let (world, faults) = (World::new(), Faults::none());
        let (one, service) = region(&world, &faults).await;
        faults.plan(call, 0, Fault::Stalls);
        let operation = one.recovery.begin(&service, Verb::Backup, one.request("night")).await.unwrap();
        faults.hit().await;
        // Configuration goes on changing; another operation is refused and the same one is joined.
        one.commit(&service, vec![put("/apis/meanwhile", json!({}), json!({}))]).await.unwrap();
        let busy = one.recovery.begin(&service, Verb::Backup, one.request("other")).await.unwrap_err();
        assert!(matches!(busy, StoreError::Busy(running) if running.id == operation.id));
        let joined = one.recovery.begin(&service, Verb::Backup, one.request("night")).await.unwrap();
        assert_eq!(joined.id, operation.id);
        assert!(world.blobs().is_empty());
        faults.let_go();
        let result = one.outcome(&operation).await.unwrap();
        // Stalled before the snapshot it holds the change; stalled after it, the result reports the change.
        let (resources, later) = if call == Call::Get { (5, 0) } else { (4, 1) };
        assert_eq!(result["resources"], resources);
        assert_eq!(result["changesNotIncluded"]["count"], later);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_restore_keeps_the_service_serving_and_unchanged() {
    let (world, faults) = (World::new(), Faults::none());
    let (one, service) = region(&world, &faults).await;
    one.backup(&service, "night").await;
    let before = one.configuration(&service).await;
    faults.plan(Call::Get, 0, Fault::Stalls);
    let operation = one.recovery.begin(&service, Verb::Restore, one.request("night")).await.unwrap();
    faults.hit().await;
    let edit = vec![put("/apis/meanwhile", json!({}), json!({}))];
    let busy = one.commit(&service, edit.clone()).await.unwrap_err();
    assert!(matches!(busy, StoreError::Busy(running) if running.id == operation.id));
    assert_eq!(one.configuration(&service).await, before);
    faults.let_go();
    one.outcome(&operation).await.unwrap();
    assert_eq!(one.configuration(&service).await, before);
    one.commit(&service, edit).await.unwrap();
}

/// A process that is stopped while storage does not answer leaves the operation to the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_operation_is_finished_by_the_next_process() {
    for verb in [Verb::Backup, Verb::Restore] {
        let (world, faults) = (World::new(), Faults::none());
        let (one, service) = region(&world, &faults).await;
        one.backup(&service, "night").await;
        let before = one.configuration(&service).await;
        faults.plan(Call::Get, 0, Fault::Stalls);
        let operation = one.recovery.begin(&service, verb, one.request("night")).await.unwrap();
        faults.hit().await;
        one.stop().await;

        let again = world.region("one");
        assert_eq!(again.recovery.resume().await.unwrap(), 1);
        again.outcome(&operation).await.unwrap();
        assert_eq!(again.configuration(&service).await, before);
        assert_eq!(world.blobs(), ["night"]);
    }
}
