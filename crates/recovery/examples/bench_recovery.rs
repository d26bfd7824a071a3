//! One measured step of `cargo xtask bench recovery`, in a process of its own so that memory and CPU are its own.
//!
//! `bench_recovery STEP FOLDER [COUNT]` with the steps `fill`, `backup`, `restore` and `pipe`. All but `fill` print
//! what they took as one JSON object.

#[path = "bench_recovery/sample.rs"]
mod sample;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use evergate_archive::RecoveryKey;
use evergate_model::{Properties, ResourceGroupName, ServiceId, ServiceName, Sku, SubscriptionId};
use evergate_recovery::{
    Access, AccountLocation, BackupRequest, Finished, FolderAccount, NoCheckpoints, Observer, Recovery,
    RecoveryKeys, RecoveryParts, StorageAccounts,
};
use evergate_store::key::InstanceKey;
use evergate_store::sqlite::SqliteStore;
use evergate_store::{
    GenerationState, LoadItem, NewService, OperationState, Record, SharedStore, Swap, Verb,
};
use nix::sys::resource::{Usage, UsageWho, getrusage};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const CONTAINER: &str = "backups";
const BATCH: usize = 2_000;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |index: usize| arguments.get(index).map(String::as_str).ok_or("an argument is missing");
    let folder = PathBuf::from(argument(1)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match argument(0)? {
        "fill" => runtime.block_on(fill(&folder, argument(2)?.parse()?)),
        "backup" => runtime.block_on(operate(&folder, &folder.join("source"), Verb::Backup)),
        "restore" => {
            let target = folder.join("target");
            if target.exists() {
                std::fs::remove_dir_all(&target)?;
            }
            runtime.block_on(async {
                create(&open(&target)?).await?;
                operate(&folder, &target, Verb::Restore).await
            })
        }
        "pipe" => pipe(&folder),
        other => Err(format!("there is no step {other}").into()),
    }
}

fn open(data: &Path) -> Outcome<SharedStore> {
    std::fs::create_dir_all(data)?;
    let key = InstanceKey::load_or_create(&data.join("instance.key"))?;
    Ok(Arc::new(SqliteStore::open(data, key)?))
}

fn service() -> Outcome<ServiceId> {
    Ok(ServiceId {
        subscription: SubscriptionId::new("00000000-0000-0000-0000-000000000001")?,
        resource_group: ResourceGroupName::new("rg1")?,
        name: ServiceName::new("bench")?,
    })
}

async fn create(store: &SharedStore) -> Outcome<()> {
    let new = NewService {
        id: service()?,
        location: "westeurope".to_owned(),
        sku: Sku { name: "Premium".to_owned(), capacity: 1 },
        tags: Properties::new(),
        body: Properties::new(),
    };
    store.create_service(new, Vec::new()).await?;
    Ok(())
}

/// Loads rather than commits: the change feed stays short, so that the dump beside has the same data and no more.
async fn fill(folder: &Path, count: usize) -> Outcome<()> {
    FolderAccount::open(&folder.join("storage"))?.create_container(CONTAINER)?;
    std::fs::write(folder.join("recovery-key.txt"), RecoveryKey::generate().to_file_text().as_bytes())?;
    let store = open(&folder.join("source"))?;
    create(&store).await?;
    let id = service()?;
    let generation = store.begin_generation(&id, "sample").await?;
    let items: Vec<LoadItem> = sample::resources(count);
    for batch in items.chunks(BATCH) {
        store.load(generation, batch.to_vec()).await?;
    }
    let live = store.generations(&id).await?.into_iter().find(|known| known.state == GenerationState::Live);
    let from = live.ok_or("the service has no configuration")?.id;
    store.swap(&id, Swap { to: generation, from, operation: None, at: None, body: None }).await?;
    Ok(())
}

/// Keeps how long an operation took, without the wait for its poll.
#[derive(Default)]
struct Stopwatch(Mutex<Duration>);

impl Observer for Stopwatch {
    fn started(&self, _verb: Verb) {}

    fn finished(&self, finished: &Finished) {
        if let Ok(mut duration) = self.0.lock() {
            *duration = finished.duration;
        }
    }
}

async fn operate(folder: &Path, data: &Path, verb: Verb) -> Outcome<()> {
    let storage = folder.join("storage");
    let access_key = FolderAccount::open(&storage)?.access_key().clone();
    let mut accounts = StorageAccounts::empty();
    accounts.add("bench", AccountLocation::Folder(storage.clone()))?;
    let stopwatch = Arc::new(Stopwatch::default());
    let own = RecoveryKey::parse(&std::fs::read_to_string(folder.join("recovery-key.txt"))?)?;
    let store = open(data)?;
    // A server has sealed something before: the generator of random numbers is seeded, which takes tens of milliseconds.
    store
        .put_record(Record { collection: "bench".to_owned(), key: String::new(), value: Vec::new() })
        .await?;
    let recovery = Recovery::new(RecoveryParts {
        store,
        accounts,
        keys: RecoveryKeys { own, additional: Vec::new() },
        owner: "bench".to_owned(),
        producer: "evergate bench".to_owned(),
        spool: data.join("spool"),
        clock: Arc::new(jiff::Timestamp::now),
        checkpoints: Arc::new(NoCheckpoints),
        observer: Arc::clone(&stopwatch) as Arc<dyn Observer>,
    });
    let request = BackupRequest {
        storage_account: "bench".to_owned(),
        container: CONTAINER.to_owned(),
        backup_name: "night".to_owned(),
        access: Access::AccessKey(access_key),
    };
    let before = getrusage(UsageWho::RUSAGE_SELF)?;
    let operation = recovery.begin(&service()?, verb, request).await?;
    let operation = recovery.wait(&operation).await?;
    recovery.shutdown().await;
    let after = getrusage(UsageWho::RUSAGE_SELF)?;
    if let OperationState::Failed(failure) = operation.state {
        return Err(failure.message.into());
    }
    let seconds = stopwatch.0.lock().map_err(|_| "the stopwatch broke")?.as_secs_f64();
    let bytes = std::fs::metadata(storage.join(CONTAINER).join("night"))?.len();
    report(seconds, cpu(&after) - cpu(&before), &after, bytes)
}

/// What is compared with: a dump of the same database by SQLite's own program, compressed.
fn pipe(folder: &Path) -> Outcome<()> {
    let out = folder.join("dump.sql.zst");
    let started = Instant::now();
    let mut dump = Command::new("sqlite3")
        .arg(folder.join("source/evergate.db"))
        .arg(".dump")
        .stdout(Stdio::piped())
        .spawn()?;
    let text = dump.stdout.take().ok_or("sqlite3 has no output")?;
    let compressed =
        Command::new("zstd").args(["-3", "-q"]).stdin(text).stdout(File::create(&out)?).status()?;
    if !(dump.wait()?.success() && compressed.success()) {
        return Err("sqlite3 or zstd failed".into());
    }
    let seconds = started.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    report(seconds, cpu(&usage), &usage, std::fs::metadata(&out)?.len())
}

fn cpu(usage: &Usage) -> f64 {
    [usage.user_time(), usage.system_time()]
        .iter()
        .map(|time| {
            Duration::from_secs(time.tv_sec().unsigned_abs())
                + Duration::from_micros(time.tv_usec().unsigned_abs())
        })
        .sum::<Duration>()
        .as_secs_f64()
}

#[expect(clippy::print_stdout, reason = "the parent reads this")]
fn report(seconds: f64, cpu: f64, usage: &Usage, bytes: u64) -> Outcome<()> {
    let kibibytes = u64::try_from(usage.max_rss())?;
    println!(
        "{}",
        serde_json::json!({ "seconds": seconds, "cpu": cpu, "memory": kibibytes * 1024, "bytes": bytes })
    );
    Ok(())
}
