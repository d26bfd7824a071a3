//! Opens connections and brings the schema up to date.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::Context;
use super::failure::failure;
use crate::StoreError;

/// Each script takes the schema from its index to the next; `user_version` counts them.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql")];

/// `EVRG`, so that `file` and others can tell whose database it is.
const APPLICATION_ID: i64 = 0x4556_5247;

const CHECK: &str = "evergate instance key check";

/// Opens the one connection that writes.
pub(super) fn open_writer(file: &Path, context: &Context) -> Result<Connection, StoreError> {
    let mut connection = Connection::open_with_flags(
        file,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    // Fixed with the first table. A row keeps up to a quarter of a page in the tree itself: at 4 KiB the usual
    // resource spills, which doubled the file and tripled the time to load it.
    connection.execute_batch(
        "PRAGMA page_size = 16384;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA wal_autocheckpoint = 1000;
         PRAGMA cache_size = -32768;
         PRAGMA trusted_schema = OFF;
         PRAGMA temp_store = MEMORY;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    migrate(&mut connection)?;
    check_key(&connection, context)?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(file: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(
        file,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.execute_batch(
        "PRAGMA query_only = ON;
         PRAGMA cache_size = -8192;
         PRAGMA trusted_schema = OFF;
         PRAGMA temp_store = MEMORY;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let version: usize =
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))? as usize;
    if version > MIGRATIONS.len() {
        return Err(StoreError::Database {
            message: format!(
                "the data was written by a newer Evergate (schema {version}; this one knows {}); start that one",
                MIGRATIONS.len()
            ),
            retry: false,
        });
    }
    for (index, script) in MIGRATIONS.iter().enumerate().skip(version) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(script)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", u32::try_from(index + 1).unwrap_or(u32::MAX))?;
        transaction.commit()?;
    }
    Ok(())
}

/// The first start seals a known text; every other start must be able to open it.
fn check_key(connection: &Connection, context: &Context) -> Result<(), StoreError> {
    let sealed: Option<Vec<u8>> = connection
        .query_row("SELECT value FROM meta WHERE name = 'check'", (), |row| row.get(0))
        .optional()?;
    let Some(sealed) = sealed else {
        let sealed = context.key.seal(CHECK, CHECK.as_bytes())?;
        connection
            .execute("INSERT INTO meta (name, value) VALUES ('check', ?1)", (sealed,))
            .map_err(|error| failure(&error))?;
        return Ok(());
    };
    context.key.open(CHECK, &sealed).map(|_| ()).map_err(|_| {
        StoreError::Damaged(
            "the data was sealed with another instance key; start with the key file it was made with"
                .to_owned(),
        )
    })
}
