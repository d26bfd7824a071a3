//! Measures loading and reading one big service: `throughput [resources] [directory]`.
//!
//! The directory decides the disk; a temporary one is used by default.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use evergate_model::{ETag, ResourceGroupName, ResourcePath, ServiceId, ServiceName, Sku, SubscriptionId};
use evergate_store::{
    Commit, Edit, IfMatch, InstanceKey, LoadItem, NewService, RowSink, SharedStore, SnapshotInfo,
    SnapshotRow, SqliteStore, Swap,
};

/// Resources per call of `load`.
const BATCH: usize = 1000;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are the point")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let count: usize = arguments.next().map_or(100_000, |text| text.parse().expect("a number of resources"));
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let directory = arguments.next().map_or_else(|| temporary.path().join("store"), PathBuf::from);
    let key = InstanceKey::generate().expect("a key");
    let store: SharedStore = Arc::new(SqliteStore::open(&directory, key).expect("a store"));
    let service = ServiceId {
        subscription: SubscriptionId::new("00000000-0000-0000-0000-000000000000").expect("a GUID"),
        resource_group: ResourceGroupName::new("rg").expect("a name"),
        name: ServiceName::new("big").expect("a name"),
    };
    let new = NewService {
        id: service.clone(),
        location: "here".to_owned(),
        sku: Sku { name: "Developer".to_owned(), capacity: 1 },
        tags: evergate_model::Properties::new(),
        body: evergate_model::Properties::new(),
    };
    let created = store.create_service(new, Vec::new()).await.expect("a new service");

    let items = items(count);
    let bytes: usize = items.iter().map(|item| item.properties.len()).sum();
    let megabytes = |bytes: u64| f64::from(u32::try_from(bytes >> 10).unwrap_or(u32::MAX)) / 1024.0;
    println!("{count} resources, {:.1} MiB of properties", megabytes(bytes as u64));

    let begun = Instant::now();
    let to = store.begin_generation(&service, "benchmark").await.expect("a generation");
    let mut items = items.into_iter();
    loop {
        let batch: Vec<_> = items.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        store.load(to, batch).await.expect("loaded");
    }
    println!("load       {:>8.3} s", seconds(begun.elapsed()));
    let begun = Instant::now();
    let swap = Swap { to, from: created.generation, operation: None, at: None, body: None };
    store.swap(&service, swap).await.expect("swapped");
    println!("swap       {:>8.3} s", seconds(begun.elapsed()));
    for file in ["evergate.db", "evergate.db-wal"] {
        let size = std::fs::metadata(directory.join(file)).map_or(0, |metadata| metadata.len());
        println!("{file:<16} {:.1} MiB", megabytes(size));
    }
    for round in 1..=3 {
        let begun = Instant::now();
        store.snapshot(&service, Box::new(Counting::default())).await.expect("a snapshot");
        println!("snapshot {round} {:>8.3} s", seconds(begun.elapsed()));
    }
    let begun = Instant::now();
    for number in 0..200 {
        let path = ResourcePath::top("apis", &format!("new{number}")).expect("a path");
        let edit = Edit::Put {
            path,
            properties: evergate_model::Properties::new(),
            secrets: evergate_model::Secrets::default(),
            if_match: IfMatch::None,
        };
        let commit = Commit { preconditions: Vec::new(), edits: vec![edit] };
        store.commit(&service, commit).await.expect("committed");
    }
    println!("commit     {:>8.3} ms each", seconds(begun.elapsed()) * 1000.0 / 200.0);
    let begun = Instant::now();
    for number in 0..2000 {
        let path = ResourcePath::top("subscriptions", &format!("s{number:06}")).expect("a path");
        store.resource(&service, &path).await.expect("read");
    }
    println!("read       {:>8.3} ms each", seconds(begun.elapsed()) * 1000.0 / 2000.0);
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// Four operations of about 1 KiB to one small subscription with two keys, in the order of a backup.
fn items(count: usize) -> Vec<LoadItem> {
    let representation = r#"{"contentType":"application/json","examples":{"default":{"value":{"id":1}}}}"#;
    let operation = |number: usize| LoadItem {
        path: ResourcePath::parse(&format!("/apis/api{:03}/operations/operation{number:06}", number / 200))
            .expect("a path"),
        properties: format!(
            r#"{{"displayName":"Operation {number}","method":"GET","urlTemplate":"/things/{number}/{{id}}","templateParameters":[{{"name":"id","type":"string","required":true}}],"responses":[{{"statusCode":200,"description":"{}","representations":[{}]}}]}}"#,
            "What the caller gets when all is well. ".repeat(number % 17),
            [representation; 4].join(","),
        ),
        secrets: None,
        etag: ETag(format!("{number:016}")),
    };
    let subscription = |number: usize| LoadItem {
        path: ResourcePath::parse(&format!("/subscriptions/s{number:06}")).expect("a path"),
        properties: format!(
            r#"{{"displayName":"Subscription {number}","scope":"/products/p","ownerId":"/users/u{number}","state":"active"}}"#
        ),
        secrets: Some(format!(
            r#"{{"primaryKey":"0123456789abcdef0123456789{number:06}","secondaryKey":"fedcba9876543210fedcba9876{number:06}"}}"#
        )),
        etag: ETag(format!("{number:016}")),
    };
    let operations = count * 4 / 5;
    (0..operations).map(operation).chain((operations..count).map(subscription)).collect()
}

/// A receiver that only looks at how much comes.
#[derive(Default)]
struct Counting {
    bytes: usize,
}

impl RowSink for Counting {
    fn begin(&mut self, _: &SnapshotInfo) -> Result<(), String> {
        Ok(())
    }

    fn row(&mut self, row: SnapshotRow<'_>) -> Result<(), String> {
        self.bytes += row.path.len() + row.properties.len() + row.secrets.map_or(0, str::len);
        Ok(())
    }
}
