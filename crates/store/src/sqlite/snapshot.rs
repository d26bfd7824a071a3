//! A consistent snapshot: one read transaction, rows handed out as SQLite holds them.

use evergate_model::{Revision, ServiceId};
use rusqlite::Connection;

use super::resources::{self, seal_context};
use super::{Context, services, unsigned};
use crate::{RowSink, SnapshotInfo, SnapshotRow, StoreError};

/// Streams a service's live generation to `sink`, by type and path.
pub(super) fn stream(
    db: &Connection,
    context: &Context,
    id: &ServiceId,
    mut sink: Box<dyn RowSink>,
) -> Result<SnapshotInfo, StoreError> {
    let services::Found { service, .. } = services::find(db, id)?;
    let live = resources::live(db, id)?;
    let counts: Vec<(String, u64)> = db
        .prepare("SELECT name, resources FROM resource_type WHERE generation = ?1 ORDER BY name")?
        .query_map((live.generation,), |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?
        .collect::<Result<_, _>>()?;
    let info = SnapshotInfo { service, counts, at: context.now() };
    sink.begin(&info).map_err(StoreError::Receiver)?;
    let mut statement = db.prepare(
        "SELECT path, properties, secrets, etag, revision FROM resource
            WHERE generation = ?1 AND type = ?2 ORDER BY path",
    )?;
    for (resource_type, expected) in &info.counts {
        let mut rows = statement.query((live.generation, resource_type))?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let text = |index| -> Result<&str, StoreError> {
                Ok(row.get_ref(index)?.as_str().map_err(rusqlite::Error::from)?)
            };
            let path = text(0)?;
            let sealed = row.get_ref(2)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
            let plain = sealed
                .map(|sealed| context.key.open(&seal_context(live.generation, path), sealed))
                .transpose()?;
            let secrets = plain
                .as_ref()
                .map(|plain| std::str::from_utf8(plain))
                .transpose()
                .map_err(|error| StoreError::Damaged(format!("{path}: {error}")))?;
            let revision: i64 = row.get(4)?;
            let revision = Revision(unsigned(if revision == 0 { live.base } else { revision }));
            sink.row(SnapshotRow {
                resource_type,
                path,
                properties: text(1)?,
                secrets,
                etag: text(3)?,
                revision,
            })
            .map_err(StoreError::Receiver)?;
            count += 1;
        }
        if count != *expected {
            return Err(StoreError::Damaged(format!("{count} of {expected} {resource_type} were found")));
        }
    }
    Ok(info)
}
