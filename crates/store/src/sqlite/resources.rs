//! Resources of the live generation: reading, committing, the change feed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evergate_model::{ETag, GenerationId, Resource, ResourcePath, Revision, Secrets, ServiceId};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::failure::damaged;
use super::services::{self, json};
use super::{Context, instant, operations, unsigned};
use crate::{Change, ChangeKind, Commit, Committed, Edit, IfMatch, Page, Precondition, StoreError};

/// Which rows are live, and what a row without a revision of its own stands at.
pub(super) struct Live {
    /// The generation.
    pub(super) generation: i64,
    /// The revision of loaded rows.
    pub(super) base: i64,
}

/// The live generation of a service, which must exist.
pub(super) fn live(db: &Connection, service: &ServiceId) -> Result<Live, StoreError> {
    db.prepare_cached(
        "SELECT g.id, g.base_revision FROM service s JOIN generation g ON g.id = s.generation
            WHERE s.name = ?1 AND s.resource_group = ?2 AND s.subscription = ?3",
    )?
    .query_row(
        (service.name.as_str(), service.resource_group.as_str(), service.subscription.as_str()),
        |row| Ok(Live { generation: row.get(0)?, base: row.get(1)? }),
    )
    .optional()?
    .ok_or_else(|| StoreError::NotFound(service.to_string()))
}

/// One resource with its secrets.
pub(super) fn one(
    db: &Connection,
    context: &Context,
    service: &ServiceId,
    path: &ResourcePath,
) -> Result<Option<Resource>, StoreError> {
    let live = live(db, service)?;
    let mut statement = db.prepare_cached(
        "SELECT path, properties, secrets, etag, revision FROM resource
            WHERE generation = ?1 AND type = ?2 AND path = ?3",
    )?;
    let mut rows = statement.query((live.generation, path.resource_type(), path.as_str()))?;
    rows.next()?.map(|row| read(row, context, &live)).transpose()
}

/// A part of a collection, by name.
pub(super) fn list(
    db: &Connection,
    context: &Context,
    service: &ServiceId,
    collection: &str,
    page: &Page,
) -> Result<Vec<Resource>, StoreError> {
    let live = live(db, service)?;
    // The collection's members share one type, so that nothing else is in the range.
    let Ok(member) = ResourcePath::parse(&format!("{collection}/x")) else { return Ok(Vec::new()) };
    let limit = page.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let after = format!("{collection}/{}", page.after.as_deref().unwrap_or_default());
    let mut statement = db.prepare_cached(
        "SELECT path, properties, secrets, etag, revision FROM resource
            WHERE generation = ?1 AND type = ?2 AND path > ?3 AND path < ?4 ORDER BY path LIMIT ?5",
    )?;
    let rows =
        statement.query(params![live.generation, member.resource_type(), after, past(collection), limit])?;
    collect(rows, context, &live)
}

/// Everything of one type, by path.
pub(super) fn list_type(
    db: &Connection,
    context: &Context,
    service: &ServiceId,
    resource_type: &str,
) -> Result<Vec<Resource>, StoreError> {
    let live = live(db, service)?;
    let mut statement = db.prepare_cached(
        "SELECT path, properties, secrets, etag, revision FROM resource
            WHERE generation = ?1 AND type = ?2 ORDER BY path",
    )?;
    let rows = statement.query((live.generation, resource_type))?;
    collect(rows, context, &live)
}

/// Checks and applies one commit.
pub(super) fn commit(
    db: &Connection,
    context: &Context,
    service: &ServiceId,
    commit: &Commit,
) -> Result<Committed, StoreError> {
    let services::Found { number, service: current } = services::find(db, service)?;
    operations::refuse_restore(db, context, number)?;
    for precondition in &commit.preconditions {
        check(db, &current, precondition)?;
    }
    let note = Note { service: number, revision: Revision(current.revision.0 + 1), at: context.now() };
    let (etags, existed) = apply(db, context, current.generation, &note, &commit.edits)?;
    // A commit that changed nothing is no revision.
    let changed = etags.iter().any(Option::is_some) || existed.contains(&true);
    let revision = if changed { note.revision } else { current.revision };
    if changed {
        db.prepare_cached("UPDATE service SET revision = ?2 WHERE id = ?1")?
            .execute((number, revision.0.cast_signed()))?;
    }
    Ok(Committed { revision, etags, existed })
}

/// What was committed after `since`.
pub(super) fn changes(
    db: &Connection,
    service: &ServiceId,
    since: Revision,
) -> Result<Vec<Change>, StoreError> {
    let services::Found { number, .. } = services::find(db, service)?;
    let mut statement = db.prepare_cached(
        "SELECT revision, kind, path, at FROM change WHERE service = ?1 AND revision > ?2
            ORDER BY revision, sequence",
    )?;
    let mut rows = statement.query((number, since.0.cast_signed()))?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        let kind = match row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)? {
            "put" => ChangeKind::Put,
            "deleted" => ChangeKind::Deleted,
            "swapped" => ChangeKind::Swapped,
            _ => ChangeKind::Service,
        };
        changes.push(Change {
            revision: Revision(unsigned(row.get(0)?)),
            kind,
            path: row.get::<_, Option<String>>(2)?.map(|text| path(&text)).transpose()?,
            at: instant(row.get(3)?),
        });
    }
    Ok(changes)
}

/// The commit that entries of the change feed belong to.
pub(super) struct Note {
    /// The service's number.
    pub(super) service: i64,
    /// The commit.
    pub(super) revision: Revision,
    /// When.
    pub(super) at: Timestamp,
}

impl Note {
    /// Appends one entry; `sequence` orders those of one commit.
    pub(super) fn write(
        &self,
        db: &Connection,
        sequence: usize,
        kind: &str,
        path: Option<&ResourcePath>,
    ) -> Result<(), StoreError> {
        db.prepare_cached(
            "INSERT INTO change (service, revision, sequence, kind, path, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((
            self.service,
            self.revision.0.cast_signed(),
            i64::try_from(sequence).unwrap_or(i64::MAX),
            kind,
            path.map(ResourcePath::as_str),
            self.at.as_microsecond(),
        ))?;
        Ok(())
    }
}

/// Applies edits to a generation: their new versions, and whether each resource existed.
pub(super) fn apply(
    db: &Connection,
    context: &Context,
    generation: GenerationId,
    note: &Note,
    edits: &[Edit],
) -> Result<(Vec<Option<ETag>>, Vec<bool>), StoreError> {
    let generation = generation.0.cast_signed();
    let mut etags = Vec::with_capacity(edits.len());
    let mut existed = Vec::with_capacity(edits.len());
    for (index, edit) in edits.iter().enumerate() {
        let (Edit::Put { path, if_match, .. } | Edit::Delete { path, if_match }) = edit;
        let resource_type = path.resource_type();
        let current = current(db, generation, &resource_type, path)?;
        match (if_match, &current) {
            (IfMatch::Exists | IfMatch::Is(_), None) => return Err(StoreError::NotFound(path.to_string())),
            (IfMatch::Is(etag), Some(current)) if etag != current => {
                return Err(StoreError::ETagMismatch { path: path.to_string(), current: current.clone() });
            }
            _ => {}
        }
        existed.push(current.is_some());
        match edit {
            Edit::Put { properties, secrets, .. } => {
                let etag = new_etag()?;
                let secrets = (!secrets.is_empty()).then(|| json(&secrets.0));
                let sealed = seal(context, generation, path, secrets.as_deref())?;
                let row = params![
                    generation,
                    resource_type,
                    path.as_str(),
                    etag.0,
                    note.revision.0.cast_signed(),
                    json(properties),
                    sealed
                ];
                if current.is_some() {
                    db.prepare_cached(
                        "UPDATE resource SET etag = ?4, revision = ?5, properties = ?6, secrets = ?7
                            WHERE generation = ?1 AND type = ?2 AND path = ?3",
                    )?
                    .execute(row)?;
                } else {
                    db.prepare_cached(
                        "INSERT INTO resource (generation, type, path, etag, revision, properties, secrets)
                            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    )?
                    .execute(row)?;
                    count(db, generation, &resource_type, 1)?;
                }
                note.write(db, index + 1, "put", Some(path))?;
                etags.push(Some(etag));
            }
            Edit::Delete { .. } => {
                if current.is_some() {
                    delete_subtree(db, generation, &resource_type, path)?;
                    note.write(db, index + 1, "deleted", Some(path))?;
                }
                etags.push(None);
            }
        }
    }
    Ok((etags, existed))
}

/// Adds to the number of resources of a type; types without any are forgotten.
pub(super) fn count(
    db: &Connection,
    generation: i64,
    resource_type: &str,
    more: i64,
) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO resource_type (generation, name, resources) VALUES (?1, ?2, ?3)
            ON CONFLICT DO UPDATE SET resources = resources + excluded.resources",
    )?
    .execute((generation, resource_type, more))?;
    if more < 0 {
        db.prepare_cached("DELETE FROM resource_type WHERE generation = ?1 AND name = ?2 AND resources = 0")?
            .execute((generation, resource_type))?;
    }
    Ok(())
}

/// Secrets (a JSON object as text) sealed for the row they belong to.
pub(super) fn seal(
    context: &Context,
    generation: i64,
    path: &ResourcePath,
    secrets: Option<&str>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(secrets) = secrets else { return Ok(None) };
    Ok(Some(context.key.seal(&seal_context(generation, path.as_str()), secrets.as_bytes())?))
}

/// What the secrets of one row are sealed for.
pub(super) fn seal_context(generation: i64, path: &str) -> String {
    format!("resource {generation} {}", path.to_ascii_lowercase())
}

/// A new version, different from every other in any store.
pub(super) fn new_etag() -> Result<ETag, StoreError> {
    let mut bytes = [0_u8; 12];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| StoreError::Database { message: "no randomness".to_owned(), retry: true })?;
    Ok(ETag(URL_SAFE_NO_PAD.encode(bytes)))
}

/// The first text after everything below `prefix`: `0` follows `/`.
fn past(prefix: &str) -> String {
    format!("{prefix}0")
}

fn delete_subtree(
    db: &Connection,
    generation: i64,
    resource_type: &str,
    path: &ResourcePath,
) -> Result<(), StoreError> {
    db.prepare_cached("DELETE FROM resource WHERE generation = ?1 AND type = ?2 AND path = ?3")?
        .execute((generation, resource_type, path.as_str()))?;
    count(db, generation, resource_type, -1)?;
    let types: Vec<String> = db
        .prepare_cached("SELECT name FROM resource_type WHERE generation = ?1 AND name > ?2 AND name < ?3")?
        .query_map((generation, format!("{resource_type}/"), past(resource_type)), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let (first, last) = (format!("{path}/"), past(path.as_str()));
    for below in types {
        let deleted = db
            .prepare_cached(
                "DELETE FROM resource WHERE generation = ?1 AND type = ?2 AND path > ?3 AND path < ?4",
            )?
            .execute((generation, &below, &first, &last))?;
        if deleted > 0 {
            count(db, generation, &below, -i64::try_from(deleted).unwrap_or(i64::MAX))?;
        }
    }
    Ok(())
}

fn check(
    db: &Connection,
    service: &evergate_model::Service,
    precondition: &Precondition,
) -> Result<(), StoreError> {
    let (path, expected) = match precondition {
        Precondition::Revision(revision) if service.revision > *revision => return Err(StoreError::Stale),
        Precondition::Revision(_) => return Ok(()),
        Precondition::Exists(path) => (path, true),
        Precondition::Absent(path) => (path, false),
    };
    let found = current(db, service.generation.0.cast_signed(), &path.resource_type(), path)?;
    if found.is_some() == expected {
        Ok(())
    } else {
        Err(StoreError::Precondition { path: path.clone(), expected })
    }
}

fn current(
    db: &Connection,
    generation: i64,
    resource_type: &str,
    path: &ResourcePath,
) -> Result<Option<ETag>, StoreError> {
    Ok(db
        .prepare_cached("SELECT etag FROM resource WHERE generation = ?1 AND type = ?2 AND path = ?3")?
        .query_row((generation, resource_type, path.as_str()), |row| row.get(0).map(ETag))
        .optional()?)
}

fn collect(
    mut rows: rusqlite::Rows<'_>,
    context: &Context,
    live: &Live,
) -> Result<Vec<Resource>, StoreError> {
    let mut resources = Vec::new();
    while let Some(row) = rows.next()? {
        resources.push(read(row, context, live)?);
    }
    Ok(resources)
}

fn read(row: &Row<'_>, context: &Context, live: &Live) -> Result<Resource, StoreError> {
    let text = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
    let properties = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
    let sealed = row.get_ref(2)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
    let revision: i64 = row.get(4)?;
    let secrets = match sealed {
        Some(sealed) => {
            let plain = context.key.open(&seal_context(live.generation, text), sealed)?;
            Secrets(serde_json::from_slice(&plain).map_err(damaged(text))?)
        }
        None => Secrets::default(),
    };
    Ok(Resource {
        path: path(text)?,
        properties: services::properties(properties, text)?,
        secrets,
        etag: ETag(row.get(3)?),
        revision: Revision(unsigned(if revision == 0 { live.base } else { revision })),
    })
}

fn path(text: &str) -> Result<ResourcePath, StoreError> {
    ResourcePath::parse(text).map_err(|error| StoreError::Damaged(error.to_string()))
}
