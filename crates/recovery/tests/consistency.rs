//! A backup is one moment: whatever is edited while it runs, what it restores is the state at the revision that its
//! manifest names, and the edits after it are reported.

#[path = "support/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use evergate_model::{ResourcePath, ServiceId};
use evergate_store::{Edit, IfMatch, Verb};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use world::{Region, World, put};

/// One step of an editor: which resources it puts and which it deletes, in one commit.
type Step = Vec<(u16, Option<u32>)>;

/// The names by revision, with the number each one held.
type History = BTreeMap<u64, BTreeMap<String, u32>>;

fn path(number: u16) -> String {
    match number % 3 {
        0 => format!("/apis/a{number}"),
        1 => format!("/apis/shared/operations/o{number}"),
        _ => format!("/namedValues/n{number}"),
    }
}

fn edits(step: &Step) -> Vec<Edit> {
    step.iter()
        .map(|(number, value)| match value {
            Some(value) => put(&path(*number), json!({ "value": value }), json!({ "key": value })),
            None => {
                Edit::Delete { path: ResourcePath::parse(&path(*number)).unwrap(), if_match: IfMatch::None }
            }
        })
        .collect()
}

async fn step(region: &Region, service: &ServiceId, step: &Step, state: &mut BTreeMap<String, u32>) -> u64 {
    let commit = evergate_store::Commit { preconditions: Vec::new(), edits: edits(step) };
    let committed = region.store.commit(service, commit).await.unwrap();
    for (number, value) in step {
        match value {
            Some(value) => drop(state.insert(path(*number), *value)),
            None => drop(state.remove(&path(*number))),
        }
    }
    committed.revision.0
}

/// What a service holds, as the history writes it down.
async fn state(region: &Region, service: &ServiceId) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    for resource_type in ["apis", "apis/operations", "namedValues"] {
        for resource in region.store.list_type(service, resource_type).await.unwrap() {
            let value = u32::try_from(resource.properties["value"].as_u64().unwrap()).unwrap();
            assert_eq!(resource.secrets.0["key"], value);
            found.insert(resource.path.to_string(), value);
        }
    }
    found
}

/// Resources that nobody edits, so that reading a snapshot takes longer than a commit.
const IDLE: u16 = 4000;

/// Edits without pause while three backups are made, and restores each of them. Returns how many commits came
/// between the snapshots and the ends of their backups.
async fn check(seed: Vec<Step>, endless: Vec<Step>) -> u64 {
    let world = World::new();
    let (one, two) = (Arc::new(world.region("one")), world.region("two"));
    let service = one.create("svc1", "Developer", json!({ "properties": {} })).await.id;
    let target = two.create("svc1", "Developer", json!({ "properties": {} })).await.id;
    let mut current = BTreeMap::new();
    let mut history = History::new();
    let before = one.store.service(&service).await.unwrap().unwrap().revision.0;
    history.insert(before, current.clone());
    let idle: Step = (1000..1000 + IDLE).map(|number| (number, Some(number.into()))).collect();
    for next in std::iter::once(&idle).chain(&seed) {
        history.insert(step(&one, &service, next, &mut current).await, current.clone());
    }
    let stop = Arc::new(AtomicBool::new(false));
    let editor = {
        let (one, service, stop) = (Arc::clone(&one), service.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            for next in endless.iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                history.insert(step(&one, &service, next, &mut current).await, current.clone());
            }
            history
        })
    };
    let (mut results, mut meanwhile) = (Vec::new(), 0);
    for name in ["first", "second", "third"] {
        let result = one.run(&service, Verb::Backup, one.request(name)).await.unwrap();
        meanwhile += result["changesNotIncluded"]["count"].as_u64().unwrap();
        results.push((name, result));
    }
    stop.store(true, Ordering::Relaxed);
    let history = editor.await.unwrap();
    for (name, result) in results {
        two.restore(&target, name).await;
        let revision = result["revision"].as_u64().unwrap();
        assert!(state(&two, &target).await == history[&revision], "backup of revision {revision}");
        assert_eq!(result["resources"].as_u64().unwrap(), history[&revision].len() as u64);
    }
    meanwhile
}

#[test]
fn a_backup_is_the_state_at_its_revision() {
    let steps = |count| {
        prop::collection::vec(prop::collection::vec((0..200_u16, any::<Option<u32>>()), 1..12), count)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 6, failure_persistence: None, ..Config::default() });
    let meanwhile = AtomicU64::new(0);
    runner
        .run(&(steps(5..20), steps(20..40)), |(seed, endless)| {
            meanwhile.fetch_add(runtime.block_on(check(seed, endless)), Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
    assert!(meanwhile.into_inner() > 0, "nothing was edited while a backup ran");
}
