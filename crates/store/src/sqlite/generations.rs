//! Generations: filled beside the live one, swapped in one transaction, deleted a little at a time.

use evergate_model::{GenerationId, Revision, Service, ServiceId};
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};

use super::resources::{self, Note};
use super::services::{self, json};
use super::{Context, instant, operations, unsigned};
use crate::{Generation, GenerationState, LoadItem, StoreError, Swap};

/// How many resources one transaction of the clean-up deletes: it must not keep writers waiting.
const SWEEP: i64 = 500;

/// Makes an empty generation to load.
pub(super) fn begin(
    db: &Connection,
    context: &Context,
    service: &ServiceId,
    origin: &str,
) -> Result<GenerationId, StoreError> {
    let services::Found { number, .. } = services::find(db, service)?;
    db.prepare_cached(
        "INSERT INTO generation (service, state, origin, created_at) VALUES (?1, 'loading', ?2, ?3)",
    )?
    .execute((number, origin, context.now().as_microsecond()))?;
    Ok(GenerationId(unsigned(db.last_insert_rowid())))
}

/// Adds resources to a loading generation.
pub(super) fn load(
    db: &Connection,
    context: &Context,
    generation: GenerationId,
    items: &[LoadItem],
) -> Result<(), StoreError> {
    let number = generation.0.cast_signed();
    let loading: Option<i64> = db
        .prepare_cached("SELECT 1 FROM generation WHERE id = ?1 AND state = 'loading'")?
        .query_row((number,), |row| row.get(0))
        .optional()?;
    if loading.is_none() {
        return Err(StoreError::NotFound(format!("a loading generation {generation}")));
    }
    let mut insert = db.prepare_cached(
        "INSERT INTO resource (generation, type, path, etag, revision, properties, secrets)
            VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6)",
    )?;
    let mut run: (String, i64) = (String::new(), 0);
    for item in items {
        let resource_type = item.path.resource_type();
        let sealed = resources::seal(context, number, &item.path, item.secrets.as_deref())?;
        insert
            .execute(params![number, resource_type, item.path.as_str(), item.etag.0, item.properties, sealed])
            .map_err(|error| match error.sqlite_error_code() {
                Some(ErrorCode::ConstraintViolation) => StoreError::Conflict(item.path.to_string()),
                _ => error.into(),
            })?;
        if run.0 != resource_type {
            finish_run(db, number, &run)?;
            run = (resource_type, 0);
        }
        run.1 += 1;
    }
    finish_run(db, number, &run)
}

/// Makes another generation the live one.
pub(super) fn swap(
    db: &Connection,
    context: &Context,
    id: &ServiceId,
    swap: &Swap,
) -> Result<Service, StoreError> {
    let services::Found { number, service } = services::find(db, id)?;
    operations::refuse_other(db, context, number, swap.operation)?;
    if service.generation != swap.from || swap.at.is_some_and(|at| at != service.revision) {
        return Err(StoreError::Stale);
    }
    let to = swap.to.0.cast_signed();
    let known: Option<String> = db
        .prepare_cached("SELECT state FROM generation WHERE id = ?1 AND service = ?2 AND state <> 'live'")?
        .query_row((to, number), |row| row.get(0))
        .optional()?;
    let state = known.ok_or_else(|| StoreError::NotFound(format!("a generation {} to swap to", swap.to)))?;
    let now = context.now();
    let revision = Revision(service.revision.0 + 1);
    db.prepare_cached("UPDATE generation SET state = 'former', replaced_at = ?2 WHERE id = ?1")?
        .execute((swap.from.0.cast_signed(), now.as_microsecond()))?;
    db.prepare_cached("UPDATE generation SET state = 'live', replaced_at = NULL WHERE id = ?1")?
        .execute((to,))?;
    if state == "loading" {
        db.prepare_cached("UPDATE generation SET base_revision = ?2 WHERE id = ?1")?
            .execute((to, revision.0.cast_signed()))?;
    }
    db.prepare_cached("UPDATE service SET generation = ?2, revision = ?3 WHERE id = ?1")?.execute((
        number,
        to,
        revision.0.cast_signed(),
    ))?;
    if let Some(body) = &swap.body {
        db.prepare_cached("UPDATE service SET body = ?2, etag = ?3 WHERE id = ?1")?.execute((
            number,
            json(body),
            resources::new_etag()?.0,
        ))?;
    }
    Note { service: number, revision, at: now }.write(db, 0, "swapped", None)?;
    Ok(services::find(db, id)?.service)
}

/// All generations of a service, newest first.
pub(super) fn all(db: &Connection, service: &ServiceId) -> Result<Vec<Generation>, StoreError> {
    let services::Found { number, .. } = services::find(db, service)?;
    let mut statement = db.prepare_cached(
        "SELECT id, state, origin, created_at, replaced_at,
            (SELECT coalesce(sum(resources), 0) FROM resource_type t WHERE t.generation = g.id)
            FROM generation g WHERE service = ?1 ORDER BY id DESC",
    )?;
    let generations = statement.query_map((number,), |row| {
        Ok(Generation {
            id: GenerationId(unsigned(row.get(0)?)),
            state: match row.get_ref(1)?.as_str()? {
                "loading" => GenerationState::Loading,
                "live" => GenerationState::Live,
                _ => GenerationState::Former,
            },
            origin: row.get(2)?,
            created_at: instant(row.get(3)?),
            replaced_at: row.get::<_, Option<i64>>(4)?.map(instant),
            resources: unsigned(row.get(5)?),
        })
    })?;
    Ok(generations.collect::<Result<_, _>>()?)
}

/// Forgets a generation that is not live; its resources follow as garbage.
pub(super) fn drop_one(db: &Connection, generation: GenerationId) -> Result<(), StoreError> {
    let number = generation.0.cast_signed();
    let dropped =
        db.prepare_cached("DELETE FROM generation WHERE id = ?1 AND state <> 'live'")?.execute((number,))?;
    if dropped == 0 {
        return Err(StoreError::NotFound(format!("a generation {generation} that is not live")));
    }
    db.prepare_cached("INSERT INTO garbage (generation) VALUES (?1)")?.execute((number,))?;
    Ok(())
}

/// Deletes some of what dropped generations left; false when nothing is left.
pub(super) fn collect(db: &mut Connection) -> Result<bool, StoreError> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(generation) = transaction
        .prepare_cached("SELECT generation FROM garbage LIMIT 1")?
        .query_row((), |row| row.get::<_, i64>(0))
        .optional()?
    else {
        return Ok(false);
    };
    let last: Option<(String, String)> = transaction
        .prepare_cached(
            "SELECT type, path FROM resource WHERE generation = ?1 ORDER BY type, path LIMIT 1 OFFSET ?2",
        )?
        .query_row((generation, SWEEP - 1), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((resource_type, path)) = last {
        transaction
            .prepare_cached("DELETE FROM resource WHERE generation = ?1 AND (type, path) <= (?2, ?3)")?
            .execute((generation, resource_type, path))?;
    } else {
        for statement in [
            "DELETE FROM resource WHERE generation = ?1",
            "DELETE FROM resource_type WHERE generation = ?1",
            "DELETE FROM garbage WHERE generation = ?1",
        ] {
            transaction.prepare_cached(statement)?.execute((generation,))?;
        }
    }
    transaction.commit()?;
    Ok(true)
}

fn finish_run(db: &Connection, generation: i64, run: &(String, i64)) -> Result<(), StoreError> {
    if run.1 > 0 { resources::count(db, generation, &run.0, run.1) } else { Ok(()) }
}
