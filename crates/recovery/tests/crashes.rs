//! The process dies at every named point; afterwards the service has its old state or its new one, and
//! the operation ends.
//!
//! The test runs itself as a child that aborts, because a real death is what a data directory must survive.

#[path = "support/world.rs"]
mod world;

use std::process::Command;
use std::sync::Arc;

use evergate_archive::RecoveryKey;
use evergate_recovery::Checkpoints;
use evergate_store::{Operation, StoreError, Verb};
use serde_json::json;
use world::{Unusual, World, id, put};

const POINT: &str = "EVERGATE_TEST_CRASH_POINT";
const FOLDER: &str = "EVERGATE_TEST_CRASH_FOLDER";

/// Ends the process at one point, without any farewell.
struct Abort(String);

impl Checkpoints for Abort {
    fn reach(&self, name: &str) {
        if name == self.0 {
            std::process::abort();
        }
    }
}

/// The child: does nothing unless the parent asked for it.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let (Ok(point), Ok(folder)) = (std::env::var(POINT), std::env::var(FOLDER)) else { return };
    let world = open(&folder);
    let verb = if point.starts_with("backup") { Verb::Backup } else { Verb::Restore };
    let abort: Arc<dyn Checkpoints> = Arc::new(Abort(point));
    let one = world.unusual_region("one", Unusual { checkpoints: Some(abort), ..Unusual::default() });
    one.run(&id("svc1"), verb, one.request("night")).await.unwrap();
    unreachable!("the checkpoint was not reached");
}

fn open(folder: &str) -> World {
    let key = std::fs::read_to_string(format!("{folder}/recovery-key.txt")).unwrap();
    World::at(std::path::PathBuf::from(folder), RecoveryKey::parse(&key).unwrap())
}

fn crash(point: &str, folder: &str) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--test-threads=1"])
        .env(POINT, point)
        .env(FOLDER, folder)
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap()
        .status;
    assert!(!status.success(), "{point} was not reached");
    #[cfg(unix)]
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(6), "{point}: {status}");
}

/// Prepares a service with a backup, and changes it afterwards.
async fn prepare() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let key = RecoveryKey::generate();
    std::fs::write(folder.path().join("recovery-key.txt"), &*key.to_file_text()).unwrap();
    let world = open(&path);
    let one = world.region("one");
    let service = one.create_sample("svc1").await;
    one.backup(&service.id, "night").await;
    one.commit(&service.id, vec![put("/apis/later", json!({}), json!({}))]).await.unwrap();
    one.stop().await;
    (folder, path)
}

async fn the_operation(region: &world::Region) -> Operation {
    let mut operations = region.store.operations(&id("svc1"), 1).await.unwrap();
    operations.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_died_goes_on() {
    for point in ["backup.snapshot", "backup.staged", "backup.committed", "backup.ending"] {
        let (_folder, path) = prepare().await;
        crash(point, &path);
        let world = open(&path);
        let one = world.region("one");
        let running = the_operation(&one).await;
        let busy = one.recovery.begin(&id("svc1"), Verb::Restore, one.request("night")).await.unwrap_err();
        assert!(matches!(busy, StoreError::Busy(_)), "{point}: {busy}");
        let committed = std::fs::read(world.blob("night")).unwrap();
        evergate_archive::Header::read(committed.as_slice()).unwrap();

        assert_eq!(one.recovery.resume().await.unwrap(), 1, "{point}");
        let result = one.outcome(&running).await.unwrap();
        assert_eq!(result["resources"], 5, "{point}");
        assert_eq!(world.blobs(), ["night"], "{point}");
        one.restore(&id("svc1"), "night").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_died_leaves_the_old_state_or_the_new_one() {
    let points =
        ["restore.downloaded", "restore.loading", "restore.verified", "restore.swapped", "restore.ending"];
    for point in points {
        let (_folder, path) = prepare().await;
        crash(point, &path);
        let world = open(&path);
        let one = world.region("one");
        let running = the_operation(&one).await;
        let swapped = matches!(point, "restore.swapped" | "restore.ending");
        let expected: &[&str] = if swapped { &["pets"] } else { &["later", "pets"] };
        assert_eq!(one.names(&id("svc1"), "/apis").await, expected, "{point}");
        let edit = vec![put("/apis/meanwhile", json!({}), json!({}))];
        let busy = one.commit(&id("svc1"), edit).await.unwrap_err();
        assert!(matches!(busy, StoreError::Busy(_)), "{point}: {busy}");
        assert!(world::is_bare(&world.folder.join("one/spool")), "{point}");

        assert_eq!(one.recovery.resume().await.unwrap(), 1, "{point}");
        let result = one.outcome(&running).await.unwrap();
        assert_eq!(one.names(&id("svc1"), "/apis").await, ["pets"], "{point}");
        assert_eq!(result["changesSuperseded"]["count"], 1, "{point}: {result}");
        // One generation came of it, however often it was begun.
        assert_eq!(one.store.generations(&id("svc1")).await.unwrap().len(), 2, "{point}");
        let plan = one.recovery.undo_plan(&id("svc1")).await.unwrap();
        one.recovery.undo(&plan).await.unwrap();
        assert_eq!(one.names(&id("svc1"), "/apis").await, ["later", "pets"], "{point}");
        one.recovery.shutdown().await;
        assert!(one.store.records("restore-reports").await.unwrap().is_empty(), "{point}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stops_leaves_its_work_to_the_next() {
    let (_folder, path) = prepare().await;
    let world = open(&path);
    let one = world.region("one");
    let operation = one.recovery.begin(&id("svc1"), Verb::Restore, one.request("night")).await.unwrap();
    one.recovery.shutdown().await;
    drop(one);
    let one = world.region("one");
    one.recovery.resume().await.unwrap();
    one.outcome(&operation).await.unwrap();
    assert_eq!(one.names(&id("svc1"), "/apis").await, ["pets"]);
}
