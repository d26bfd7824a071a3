//! Long-running operations as rows, with leases; one runs on a service at a time.

use evergate_model::{Secret, ServiceId};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::{Context, instant, services, unsigned};
use crate::{
    Begin, NewOperation, Operation, OperationFailure, OperationId, OperationState, Progress, StoreError, Verb,
};

const COLUMNS: &str = "o.id, s.subscription, s.resource_group, s.name, o.verb, o.digest, o.request, o.state,
    o.result, o.status, o.code, o.message, o.phase, o.done, o.total, o.started_at, o.finished_at";

/// Registers an operation, or finds the one that runs.
pub(super) fn begin(db: &Connection, context: &Context, new: &NewOperation) -> Result<Begin, StoreError> {
    let services::Found { number, .. } = services::find(db, &new.service)?;
    if let Some(running) = running(db, context, number)? {
        let same = running.operation.verb == new.verb && running.digest == new.digest;
        return if same { Ok(Begin::Joined(running.operation)) } else { Err(busy(running.operation)) };
    }
    let id = OperationId(Uuid::new_v4());
    let now = context.now();
    let request = context.key.seal(&seal_context(&id.to_string()), new.request.expose().as_bytes())?;
    db.prepare_cached(
        "INSERT INTO operation (id, service, verb, digest, request, owner, lease_until, state, started_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'running', ?8)",
    )?
    .execute(params![
        id.to_string(),
        number,
        new.verb.as_str(),
        new.digest,
        request,
        new.owner,
        end(now, new.lease),
        now.as_microsecond()
    ])?;
    let operation = one(db, context, id)?.ok_or_else(|| gone(id))?;
    Ok(Begin::Started(operation))
}

/// One operation.
pub(super) fn one(
    db: &Connection,
    context: &Context,
    id: OperationId,
) -> Result<Option<Operation>, StoreError> {
    let found = select(db, context, "o.id = ?1", params![id.to_string()])?;
    Ok(found.into_iter().next().map(|found| found.operation))
}

/// What runs on a service.
pub(super) fn running_on(
    db: &Connection,
    context: &Context,
    service: &ServiceId,
) -> Result<Option<Operation>, StoreError> {
    let services::Found { number, .. } = services::find(db, service)?;
    Ok(running(db, context, number)?.map(|found| found.operation))
}

/// The newest operations of a service.
pub(super) fn newest(
    db: &Connection,
    context: &Context,
    service: &ServiceId,
    limit: usize,
) -> Result<Vec<Operation>, StoreError> {
    let services::Found { number, .. } = services::find(db, service)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found =
        select(db, context, "o.service = ?1 ORDER BY o.sequence DESC LIMIT ?2", params![number, limit])?;
    Ok(found.into_iter().map(|found| found.operation).collect())
}

/// Takes over what is `owner`'s or nobody's.
pub(super) fn claim(
    db: &Connection,
    context: &Context,
    owner: &str,
    lease: SignedDuration,
) -> Result<Vec<Operation>, StoreError> {
    let now = context.now();
    let found = select(
        db,
        context,
        "o.state = 'running' AND (o.owner = ?1 OR o.lease_until <= ?2) ORDER BY o.sequence",
        params![owner, now.as_microsecond()],
    )?;
    for taken in &found {
        db.prepare_cached("UPDATE operation SET owner = ?2, lease_until = ?3 WHERE id = ?1")?.execute((
            taken.operation.id.to_string(),
            owner,
            end(now, lease),
        ))?;
    }
    Ok(found.into_iter().map(|found| found.operation).collect())
}

/// Notes how far `owner` is and renews its lease.
pub(super) fn progress(
    db: &Connection,
    context: &Context,
    id: OperationId,
    owner: &str,
    progress: &Progress,
    lease: SignedDuration,
) -> Result<(), StoreError> {
    let updated = db
        .prepare_cached(
            "UPDATE operation SET phase = ?3, done = ?4, total = ?5, lease_until = ?6
                WHERE id = ?1 AND owner = ?2 AND state = 'running'",
        )?
        .execute((
            id.to_string(),
            owner,
            &progress.phase,
            progress.done.cast_signed(),
            progress.total.cast_signed(),
            end(context.now(), lease),
        ))?;
    if updated == 0 { Err(gone(id)) } else { Ok(()) }
}

/// Ends a running operation.
pub(super) fn finish(
    db: &Connection,
    context: &Context,
    id: OperationId,
    outcome: &Result<String, OperationFailure>,
) -> Result<(), StoreError> {
    let failure = outcome.as_ref().err();
    let updated = db
        .prepare_cached(
            "UPDATE operation SET state = ?2, result = ?3, status = ?4, code = ?5, message = ?6, finished_at = ?7,
                request = NULL WHERE id = ?1 AND state = 'running'",
        )?
        .execute((
            id.to_string(),
            if failure.is_some() { "failed" } else { "succeeded" },
            outcome.as_ref().ok(),
            failure.map(|failure| failure.status),
            failure.map(|failure| &failure.code),
            failure.map(|failure| &failure.message),
            context.now().as_microsecond(),
        ))?;
    if updated == 0 { Err(gone(id)) } else { Ok(()) }
}

/// Refuses service management while anything runs.
pub(super) fn refuse_any(db: &Connection, context: &Context, service: i64) -> Result<(), StoreError> {
    refuse(db, context, service, |_| true)
}

/// Refuses commits while a restore runs: its swap would undo them.
pub(super) fn refuse_restore(db: &Connection, context: &Context, service: i64) -> Result<(), StoreError> {
    refuse(db, context, service, |operation| operation.verb == Verb::Restore)
}

/// Refuses a swap on behalf of anything but what runs.
pub(super) fn refuse_other(
    db: &Connection,
    context: &Context,
    service: i64,
    own: Option<OperationId>,
) -> Result<(), StoreError> {
    match (running(db, context, service)?, own) {
        (None, None) => Ok(()),
        // It was ended by somebody else, who may have begun to clean up.
        (None, Some(id)) => Err(gone(id)),
        (Some(found), Some(id)) if found.operation.id == id => Ok(()),
        (Some(found), _) => Err(busy(found.operation)),
    }
}

struct Found {
    operation: Operation,
    digest: String,
}

fn refuse(
    db: &Connection,
    context: &Context,
    service: i64,
    excludes: impl Fn(&Operation) -> bool,
) -> Result<(), StoreError> {
    match running(db, context, service)? {
        Some(found) if excludes(&found.operation) => Err(busy(found.operation)),
        _ => Ok(()),
    }
}

fn running(db: &Connection, context: &Context, service: i64) -> Result<Option<Found>, StoreError> {
    let known: Option<i64> = db
        .prepare_cached("SELECT 1 FROM operation WHERE service = ?1 AND state = 'running'")?
        .query_row((service,), |row| row.get(0))
        .optional()?;
    if known.is_none() {
        return Ok(None);
    }
    Ok(select(db, context, "o.service = ?1 AND o.state = 'running'", params![service])?.into_iter().next())
}

fn busy(mut operation: Operation) -> StoreError {
    operation.request = None;
    StoreError::Busy(Box::new(operation))
}

fn gone(id: OperationId) -> StoreError {
    StoreError::NotFound(format!("a running operation {id}"))
}

fn end(now: Timestamp, lease: SignedDuration) -> i64 {
    now.checked_add(lease).unwrap_or(Timestamp::MAX).as_microsecond()
}

fn seal_context(id: &str) -> String {
    format!("operation {id}")
}

fn select(
    db: &Connection,
    context: &Context,
    condition: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<Found>, StoreError> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM operation o JOIN service s ON s.id = o.service WHERE {condition}"
    ))?;
    let mut rows = statement.query(parameters)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row, context)?);
    }
    Ok(found)
}

fn read(row: &Row<'_>, context: &Context) -> Result<Found, StoreError> {
    let id: String = row.get(0)?;
    let damaged = |what: &str| StoreError::Damaged(format!("operation {id}: {what}"));
    let verb = match row.get_ref(4)?.as_str().map_err(rusqlite::Error::from)? {
        "backup" => Verb::Backup,
        "restore" => Verb::Restore,
        _ => Verb::Update,
    };
    let request = row
        .get::<_, Option<Vec<u8>>>(6)?
        .map(|sealed| -> Result<Secret, StoreError> {
            let plain = context.key.open(&seal_context(&id), &sealed)?;
            let text = std::str::from_utf8(&plain).map_err(|_| damaged("its request is not text"))?;
            Ok(Secret::new(text))
        })
        .transpose()?;
    let state = match row.get_ref(7)?.as_str().map_err(rusqlite::Error::from)? {
        "running" => OperationState::Running,
        "succeeded" => OperationState::Succeeded(row.get::<_, Option<String>>(8)?.unwrap_or_default()),
        _ => OperationState::Failed(OperationFailure {
            status: row.get(9)?,
            code: row.get(10)?,
            message: row.get(11)?,
        }),
    };
    let operation = Operation {
        id: OperationId(Uuid::parse_str(&id).map_err(|_| damaged("its id is not a GUID"))?),
        service: services::identity(row, 1)?,
        verb,
        state,
        progress: Progress {
            phase: row.get(12)?,
            done: unsigned(row.get(13)?),
            total: unsigned(row.get(14)?),
        },
        request,
        started_at: instant(row.get(15)?),
        finished_at: row.get::<_, Option<i64>>(16)?.map(instant),
    };
    Ok(Found { operation, digest: row.get(5)? })
}
