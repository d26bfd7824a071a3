//! Backup, restore and undo as a caller sees them, on a real store and a folder account.

#[path = "support/world.rs"]
mod world;

use std::time::Duration;

use evergate_model::Secret;
use evergate_recovery::{Access, BackupRequest, StorageAccounts, UndoError};
use evergate_store::{GenerationState, IfMatch, OperationState, ServiceEdit, StoreError, Verb};
use serde_json::{Value, json};
use world::{Unusual, World, id, put};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_restores_in_another_region() {
    let world = World::new();
    let (one, two) = (world.region("one"), world.region("two"));
    let source = one.create_sample("svc1").await;
    let result = one.backup(&source.id, "night").await;
    assert_eq!(result["resources"], 4);
    assert_eq!(result["revision"], source.revision.0);
    assert_eq!(result["createdAt"], "2026-11-23T12:00:00Z");
    assert_eq!(result["expiresAt"], "2026-12-23T12:00:00Z");
    assert_eq!(result["changesNotIncluded"]["count"], 0);
    assert_eq!(result["bytes"], std::fs::metadata(world.blob("night")).unwrap().len());

    let target = two
        .create(
            "svc2",
            "developer",
            json!({
                "identity": {"type": "SystemAssigned"},
                "properties": {"publisherName": "two", "hostnameConfigurations": [{"hostName": "api.two"}]},
            }),
        )
        .await;
    two.commit(&target.id, vec![put("/apis/old", json!({}), json!({}))]).await.unwrap();
    let result = two.restore(&target.id, "night").await;
    assert_eq!(result["backup"]["revision"], source.revision.0);
    assert_eq!(result["backup"]["service"], source.id.to_string());
    assert_eq!(result["changesSuperseded"], Value::Null);

    assert_eq!(two.configuration(&target.id).await, one.configuration(&source.id).await);
    let restored = two.store.service(&target.id).await.unwrap().unwrap();
    assert_eq!(result["revision"], restored.revision.0);
    assert_eq!(restored.location, target.location);
    assert_eq!(
        Value::Object(restored.body),
        json!({
            "identity": {"type": "SystemAssigned"},
            "properties": {"publisherName": "svc1", "hostnameConfigurations": [{"hostName": "api.two"}]},
        })
    );
    assert!(world::is_bare(&world.folder.join("two/spool")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_backup_goes_up_in_parts() {
    let world = World::new();
    let one = world.region("one");
    let service = one.create("svc1", "Premium", json!({"properties": {}})).await;
    // Hashes do not compress, so that the archive is longer than three parts.
    for batch in 0..30 {
        let edits = (0..40)
            .map(|index| {
                let mut text = String::new();
                for word in 0..512_u32 {
                    let seed = format!("{batch} {index} {word}");
                    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, seed.as_bytes());
                    text.push_str(&hex::encode(digest));
                }
                put(&format!("/apis/a{batch}-{index}"), json!({ "text": text }), json!({}))
            })
            .collect();
        one.commit(&service.id, edits).await.unwrap();
    }
    let before = one.configuration(&service.id).await;
    let result = one.backup(&service.id, "big").await;
    assert!(result["bytes"].as_u64().unwrap() > 3 * (8 << 20), "{}", result["bytes"]);
    one.commit(&service.id, vec![put("/apis/later", json!({}), json!({}))]).await.unwrap();
    let result = one.restore(&service.id, "big").await;
    assert_eq!(result["resources"], 1200);
    assert_eq!(result["changesSuperseded"]["count"], 1);
    assert_eq!(result["changesSuperseded"]["changes"][0]["path"], "/apis/later");
    assert_eq!(one.configuration(&service.id).await, before);
    assert_eq!(world.blobs(), ["big"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_replaces_one_of_its_name_or_leaves_it_whole() {
    let world = World::new();
    let one = world.region("one");
    let service = one.create_sample("svc1").await;
    one.backup(&service.id, "same").await;
    one.commit(&service.id, vec![put("/apis/more", json!({}), json!({}))]).await.unwrap();
    let second = one.backup(&service.id, "same").await;
    assert_eq!(second["resources"], 5);
    one.commit(&service.id, vec![put("/apis/most", json!({}), json!({}))]).await.unwrap();

    let mut wrong = one.request("same");
    wrong.access = Access::AccessKey(Secret::new("wrong"));
    one.run(&service.id, Verb::Backup, wrong).await.unwrap_err();
    one.restore(&service.id, "same").await;
    assert_eq!(one.names(&service.id, "/apis").await, ["more", "pets"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_say_what_is_wrong_and_what_to_do() {
    let world = World::new();
    let one = world.region("one");
    let service = one.create_sample("svc1").await;
    one.backup(&service.id, "good").await;
    let premium = one.create("svc2", "Premium", json!({"properties": {}})).await;

    let bytes = std::fs::read(world.blob("good")).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(world.blob(name), bytes).unwrap();
    write("cut", &bytes[..bytes.len() - 200]);
    write("stub", &bytes[..100]);
    let mut altered = bytes.clone();
    altered[5000] ^= 1;
    write("altered", &altered);
    write("newer", &newer(&bytes));
    write("text", b"once upon a time, there was a file that was no backup at all");
    write("empty", b"");

    let good = one.request("good");
    let named = |name: &str| BackupRequest { backup_name: name.into(), ..good.clone() };
    let check = async |verb: Verb, request: BackupRequest, status: u16, message: &str| {
        let failure = one.run(&service.id, verb, request).await.unwrap_err();
        let code = if verb == Verb::Backup { "BackupFailed" } else { "RestoreFailed" };
        assert_eq!((failure.status, failure.code.as_str()), (status, code), "{}", failure.message);
        assert!(failure.message.contains(message), "{} does not say: {message}", failure.message);
        assert!(!failure.message.contains(world.storage.access_key().expose()));
    };

    for verb in [Verb::Backup, Verb::Restore] {
        let request = BackupRequest { container: "nowhere".into(), ..good.clone() };
        check(verb, request, 400, "container 'nowhere' does not exist in storage account 'devacct'").await;
        let request = BackupRequest { container: "No".into(), ..good.clone() };
        check(verb, request, 400, "container name 'No' is not valid").await;
        let request = BackupRequest { storage_account: "other".into(), ..good.clone() };
        check(verb, request, 400, "storage account 'other' is not known").await;
        let request = BackupRequest { access: Access::AccessKey(Secret::new("x")), ..good.clone() };
        check(verb, request, 400, "the access key of storage account 'devacct' was refused").await;
        let request = BackupRequest { access: Access::SystemAssigned, ..good.clone() };
        check(verb, request, 400, "send accessType 'AccessKey' with the account's key").await;
        check(verb, named("../up"), 400, "backup name '../up' is not valid").await;
        check(verb, named(""), 400, "backup name '' is not valid").await;
    }
    let restore = async |name: &str, message: &str| check(Verb::Restore, named(name), 400, message).await;
    restore("none", "Cannot restore: backup 'none' does not exist in container 'backups'").await;
    restore("cut", "Cannot restore: the backup is truncated").await;
    restore("stub", "Cannot restore: the backup is truncated").await;
    restore("altered", "Cannot restore: the backup was altered").await;
    restore("newer", "Cannot restore: the backup has format version 9 and this program reads up to 1").await;
    restore("text", "Cannot restore: this is not an Evergate backup").await;
    restore("empty", "Cannot restore: ").await;

    let failure = one.run(&premium.id, Verb::Restore, good.clone()).await.unwrap_err();
    assert_eq!(failure.message, "Cannot restore: current SKU is 'Premium', backup SKU is 'Developer'");
    assert_eq!((failure.status, failure.code.as_str()), (409, "RestoreFailed"));

    world.pass(30 * 24 - 1);
    one.run(&service.id, Verb::Restore, good.clone()).await.unwrap();
    world.pass(1);
    let failure = one.run(&service.id, Verb::Restore, good.clone()).await.unwrap_err();
    assert_eq!(failure.message, "Cannot restore: backup expired");
    assert_eq!((failure.status, failure.code.as_str()), (400, "RestoreFailed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_recovery_key_is_named() {
    let world = World::new();
    let one = world.region("one");
    let service = one.create_sample("svc1").await;
    one.backup(&service.id, "night").await;
    let other = evergate_archive::RecoveryKey::generate();
    let ids = (world.key.id().to_owned(), other.id().to_owned());
    let two = world.unusual_region("two", Unusual { key: Some(other), ..Unusual::default() });
    let target = two.create_sample("svc1").await;
    let failure = two.run(&target.id, Verb::Restore, two.request("night")).await.unwrap_err();
    assert_eq!(failure.status, 400);
    let expected = format!(
        "Cannot restore: the backup is sealed to the recovery key {}, and {} was given",
        ids.0, ids.1
    );
    assert!(failure.message.starts_with(&expected), "{}", failure.message);
    assert!(failure.message.contains("--recovery-key"), "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_not_blamed_on_the_store() {
    let world = World::new();
    let additional = (0..300).map(|_| evergate_archive::RecoveryKey::generate()).collect();
    let one = world.unusual_region("one", Unusual { additional, ..Unusual::default() });
    let service = one.create_sample("svc1").await;
    let failure = one.run(&service.id, Verb::Backup, one.request("b1")).await.unwrap_err();
    assert!(
        failure
            .message
            .starts_with("Cannot back up: this cannot be written to a backup: the header would be"),
        "{}",
        failure.message
    );
    assert_eq!(failure.status, 400);
    assert!(world.blobs().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_endpoint_is_named() {
    let world = World::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/devacct", listener.local_addr().unwrap());
    drop(listener);
    let accounts = StorageAccounts::parse([format!("devacct={endpoint}")]).unwrap();
    let one = world.unusual_region("one", Unusual { accounts: Some(accounts), ..Unusual::default() });
    let service = one.create_sample("svc1").await;
    let failure = one.run(&service.id, Verb::Backup, one.request("b1")).await.unwrap_err();
    let expected = format!("Cannot back up: storage account 'devacct' cannot be reached at {endpoint} (");
    assert!(failure.message.starts_with(&expected), "{}", failure.message);
    assert_eq!(failure.status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_can_be_undone_and_done_again() {
    let world = World::new();
    let one = world.region("one");
    let service = one.create_sample("svc1").await;
    let nothing = one.recovery.undo_plan(&service.id).await.unwrap_err();
    assert!(matches!(nothing, UndoError::Nothing(_)), "{nothing}");
    one.backup(&service.id, "night").await;
    let body = json!({"properties": {"publisherName": "after"}});
    let edit = ServiceEdit {
        if_match: IfMatch::None,
        body: Some(serde_json::from_value(body.clone()).unwrap()),
        ..ServiceEdit::default()
    };
    one.store.update_service(&service.id, edit).await.unwrap();
    one.commit(&service.id, vec![put("/apis/later", json!({}), json!({}))]).await.unwrap();
    let later = one.configuration(&service.id).await;
    one.restore(&service.id, "night").await;
    let restored = one.configuration(&service.id).await;
    one.commit(&service.id, vec![put("/apis/newest", json!({}), json!({}))]).await.unwrap();

    let plan = one.recovery.undo_plan(&service.id).await.unwrap();
    assert_eq!(plan.changes_since, 1);
    assert!(plan.to_string().contains("backup 'night' in devacct/backups"), "{plan}");
    one.commit(&service.id, vec![put("/apis/newest", json!({"more": 1}), json!({}))]).await.unwrap();
    let changed = one.recovery.undo(&plan).await.unwrap_err();
    assert!(matches!(changed, UndoError::Changed), "{changed}");

    let plan = one.recovery.undo_plan(&service.id).await.unwrap();
    let undone = one.recovery.undo(&plan).await.unwrap();
    assert_eq!(one.configuration(&service.id).await, later);
    assert_eq!(Value::Object(undone.body), body);
    let plan = one.recovery.undo_plan(&service.id).await.unwrap();
    let redone = one.recovery.undo(&plan).await.unwrap();
    assert_eq!(redone.body["properties"]["publisherName"], "svc1");
    assert_eq!(one.configuration(&service.id).await.len(), restored.len() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_former_generations_are_kept() {
    let world = World::new();
    let one = world.region("one");
    let service = one.create_sample("svc1").await;
    one.backup(&service.id, "night").await;
    for _ in 0..5 {
        world.pass(1);
        one.restore(&service.id, "night").await;
    }
    let generations = one.store.generations(&service.id).await.unwrap();
    let states: Vec<GenerationState> = generations.iter().map(|generation| generation.state).collect();
    assert_eq!(states.iter().filter(|state| **state == GenerationState::Former).count(), 3);
    assert_eq!(states.len(), 4);
    assert_eq!(one.store.records("former-generations").await.unwrap().len(), 3);
    one.recovery.shutdown().await;
    assert!(one.store.records("restore-reports").await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_interrupted_restore_loaded_is_removed() {
    let world = World::new();
    let one = world.region("one");
    let service = one.create_sample("svc1").await;
    one.store.begin_generation(&service.id, "backup of a process that died").await.unwrap();
    assert_eq!(one.recovery.resume().await.unwrap(), 0);
    let generations = one.store.generations(&service.id).await.unwrap();
    assert_eq!(generations.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_joins_and_is_not_taken_over_from_itself() {
    let world = World::new();
    let one = world.region("one");
    let service = one.create_sample("svc1").await;
    let first = one.recovery.begin(&service.id, Verb::Backup, one.request("b")).await.unwrap();
    let again = one.recovery.begin(&service.id, Verb::Backup, one.request("b")).await;
    let other = one.recovery.begin(&service.id, Verb::Backup, one.request("c")).await;
    one.recovery.resume().await.unwrap();
    let outcome = one.outcome(&first).await.unwrap();
    assert_eq!(outcome["resources"], 4);
    // Either call may find that the first one has ended.
    let again = again.unwrap();
    one.outcome(&again).await.unwrap();
    match other {
        Err(StoreError::Busy(running)) => assert_eq!(running.id, first.id),
        Err(error) => panic!("{error}"),
        Ok(ended) => drop(one.outcome(&ended).await.unwrap()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_who_went_away_began_is_done() {
    let world = World::new();
    let one = world.region("one");
    let service = one.create_sample("svc1").await;
    tokio::select! {
        biased;
        _ = one.recovery.begin(&service.id, Verb::Backup, one.request("b")) => panic!("nothing is stored at once"),
        () = std::future::ready(()) => {}
    }
    // The same request joins the one that was given up, or it has ended.
    let operation = one.recovery.begin(&service.id, Verb::Backup, one.request("b")).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_mins(1), one.outcome(&operation)).await;
    assert_eq!(ended.expect("somebody works on it").unwrap()["resources"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_not_begun_again_by_those_who_look_after_it() {
    let world = World::new();
    let one = world.region("one");
    let service = one.create_sample("svc1").await;
    one.backup(&service.id, "night").await;
    for _ in 0..10 {
        let operation = one.recovery.begin(&service.id, Verb::Restore, one.request("night")).await.unwrap();
        while one.store.operation(operation.id).await.unwrap().unwrap().state == OperationState::Running {
            one.recovery.resume().await.unwrap();
        }
        one.outcome(&operation).await.unwrap();
    }
    let swaps = one.store.changes(&service.id, service.revision).await.unwrap();
    assert_eq!(swaps.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_there_is_not_backed_up() {
    let world = World::new();
    let one = world.region("one");
    let error = one.recovery.begin(&id("none"), Verb::Backup, one.request("b")).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound(_)), "{error}");
}

/// A header of the same layout that names a later version of the format.
fn newer(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let text = b"\"formatVersion\":1";
    let at = bytes.windows(text.len()).position(|window| window == text).unwrap();
    bytes[at + text.len() - 1] = b'9';
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes[..4032]);
    bytes[4032..4096].copy_from_slice(hex::encode(digest).as_bytes());
    bytes
}
