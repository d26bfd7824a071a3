//! Records: sealed documents by collection and key.

use rusqlite::{Connection, ErrorCode, OptionalExtension};

use super::Context;
use crate::{Record, StoreError};

/// One record.
pub(super) fn one(
    db: &Connection,
    context: &Context,
    collection: &str,
    key: &str,
) -> Result<Option<Record>, StoreError> {
    let sealed: Option<Vec<u8>> = db
        .prepare_cached("SELECT value FROM record WHERE collection = ?1 AND key = ?2")?
        .query_row((collection, key), |row| row.get(0))
        .optional()?;
    sealed.map(|sealed| open(context, collection, key, &sealed)).transpose()
}

/// A whole collection, by key.
pub(super) fn all(db: &Connection, context: &Context, collection: &str) -> Result<Vec<Record>, StoreError> {
    let mut statement =
        db.prepare_cached("SELECT key, value FROM record WHERE collection = ?1 ORDER BY key")?;
    let mut rows = statement.query((collection,))?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        let sealed = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        records.push(open(context, collection, key, sealed)?);
    }
    Ok(records)
}

/// Writes or creates a record.
pub(super) fn put(db: &Connection, context: &Context, record: &Record) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO record (collection, key, value) VALUES (?1, ?2, ?3)
            ON CONFLICT DO UPDATE SET value = excluded.value",
    )?
    .execute((&record.collection, &record.key, seal(context, record)?))?;
    Ok(())
}

/// Creates a record whose key is free.
pub(super) fn create(db: &Connection, context: &Context, record: &Record) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO record (collection, key, value) VALUES (?1, ?2, ?3)")?
        .execute((&record.collection, &record.key, seal(context, record)?))
        .map(|_| ())
        .map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => {
                StoreError::Conflict(format!("{}/{}", record.collection, record.key))
            }
            _ => error.into(),
        })
}

/// Deletes a record and returns what it was.
pub(super) fn take(
    db: &Connection,
    context: &Context,
    collection: &str,
    key: &str,
) -> Result<Option<Record>, StoreError> {
    let taken = one(db, context, collection, key)?;
    db.prepare_cached("DELETE FROM record WHERE collection = ?1 AND key = ?2")?.execute((collection, key))?;
    Ok(taken)
}

fn seal(context: &Context, record: &Record) -> Result<Vec<u8>, StoreError> {
    Ok(context.key.seal(&seal_context(&record.collection, &record.key), &record.value)?)
}

fn open(context: &Context, collection: &str, key: &str, sealed: &[u8]) -> Result<Record, StoreError> {
    let value = context.key.open(&seal_context(collection, key), sealed)?;
    Ok(Record { collection: collection.to_owned(), key: key.to_owned(), value: value.to_vec() })
}

/// The length keeps `a/b` + `c` and `a` + `b/c` apart.
fn seal_context(collection: &str, key: &str) -> String {
    format!("record {} {collection} {key}", collection.len())
}
