//! Services as rows: create, read, change, delete.

use evergate_model::{
    ETag, GenerationId, Properties, ResourceGroupName, Revision, Service, ServiceId, ServiceName, Sku,
    SubscriptionId,
};
use rusqlite::{Connection, OptionalExtension, Row};

use super::failure::damaged;
use super::resources::{self, Note};
use super::{Context, instant, operations, unsigned};
use crate::{Edit, IfMatch, NewService, ServiceEdit, StoreError};

const COLUMNS: &str =
    "id, subscription, resource_group, name, location, sku_name, sku_capacity, tags, body, etag,
    created_at, revision, generation";

/// A service and the number its rows go by.
pub(super) struct Found {
    /// The number.
    pub(super) number: i64,
    /// The service.
    pub(super) service: Service,
}

/// The service, which must exist.
pub(super) fn find(db: &Connection, id: &ServiceId) -> Result<Found, StoreError> {
    look_up(db, id)?.ok_or_else(|| StoreError::NotFound(id.to_string()))
}

/// The service, if it exists.
pub(super) fn one(db: &Connection, id: &ServiceId) -> Result<Option<Service>, StoreError> {
    Ok(look_up(db, id)?.map(|found| found.service))
}

/// All services by name.
pub(super) fn all(db: &Connection) -> Result<Vec<Service>, StoreError> {
    let mut statement = db.prepare_cached(&format!("SELECT {COLUMNS} FROM service ORDER BY name"))?;
    let mut rows = statement.query(())?;
    let mut services = Vec::new();
    while let Some(row) = rows.next()? {
        services.push(read(row)?.service);
    }
    Ok(services)
}

/// Creates a service whose first commit is `edits`.
pub(super) fn create(
    db: &Connection,
    context: &Context,
    new: &NewService,
    edits: &[Edit],
) -> Result<Service, StoreError> {
    let name = new.id.name.as_str();
    let taken: Option<i64> = db
        .prepare_cached("SELECT 1 FROM service WHERE name = ?1")?
        .query_row((name,), |row| row.get(0))
        .optional()?;
    if taken.is_some() {
        return Err(StoreError::Conflict(format!("a service named '{name}'")));
    }
    let now = context.now();
    db.prepare_cached(
        "INSERT INTO service (subscription, resource_group, name, location, sku_name, sku_capacity, tags, body,
            etag, created_at, revision, generation) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, 0)",
    )?
    .execute((
        new.id.subscription.as_str(),
        new.id.resource_group.as_str(),
        name,
        &new.location,
        &new.sku.name,
        new.sku.capacity,
        json(&new.tags),
        json(&new.body),
        resources::new_etag()?.0,
        now.as_microsecond(),
    ))?;
    let number = db.last_insert_rowid();
    db.prepare_cached(
        "INSERT INTO generation (service, state, origin, created_at) VALUES (?1, 'live', 'created', ?2)",
    )?
    .execute((number, now.as_microsecond()))?;
    let generation = GenerationId(unsigned(db.last_insert_rowid()));
    db.prepare_cached("UPDATE service SET generation = ?2 WHERE id = ?1")?
        .execute((number, generation.0.cast_signed()))?;
    let revision = Revision(1);
    let note = Note { service: number, revision, at: now };
    note.write(db, 0, "service", None)?;
    resources::apply(db, context, generation, &note, edits)?;
    Ok(find(db, &new.id)?.service)
}

/// Changes the service itself.
pub(super) fn update(
    db: &Connection,
    context: &Context,
    id: &ServiceId,
    edit: &ServiceEdit,
) -> Result<Service, StoreError> {
    let Found { number, service } = find(db, id)?;
    check(id, &service, &edit.if_match)?;
    operations::refuse_any(db, context, number)?;
    let sku = edit.sku.as_ref().unwrap_or(&service.sku);
    let revision = Revision(service.revision.0 + 1);
    db.prepare_cached(
        "UPDATE service SET sku_name = ?2, sku_capacity = ?3, tags = ?4, body = ?5, etag = ?6, revision = ?7
            WHERE id = ?1",
    )?
    .execute((
        number,
        &sku.name,
        sku.capacity,
        json(edit.tags.as_ref().unwrap_or(&service.tags)),
        json(edit.body.as_ref().unwrap_or(&service.body)),
        resources::new_etag()?.0,
        revision.0.cast_signed(),
    ))?;
    Note { service: number, revision, at: context.now() }.write(db, 0, "service", None)?;
    Ok(find(db, id)?.service)
}

/// Deletes the service at once; its resources follow as garbage.
pub(super) fn delete(
    db: &Connection,
    context: &Context,
    id: &ServiceId,
    if_match: &IfMatch,
) -> Result<Service, StoreError> {
    let Found { number, service } = find(db, id)?;
    check(id, &service, if_match)?;
    operations::refuse_any(db, context, number)?;
    for statement in [
        "INSERT INTO garbage (generation) SELECT id FROM generation WHERE service = ?1",
        "DELETE FROM generation WHERE service = ?1",
        "DELETE FROM change WHERE service = ?1",
        "DELETE FROM operation WHERE service = ?1",
        "DELETE FROM service WHERE id = ?1",
    ] {
        db.prepare_cached(statement)?.execute((number,))?;
    }
    Ok(service)
}

/// A JSON object as stored.
pub(super) fn json(properties: &Properties) -> String {
    // A map of JSON values with text keys always has a text form.
    serde_json::to_string(properties).unwrap_or_default()
}

/// A stored JSON object.
pub(super) fn properties(text: &str, what: &str) -> Result<Properties, StoreError> {
    serde_json::from_str(text).map_err(damaged(what))
}

fn check(id: &ServiceId, service: &Service, if_match: &IfMatch) -> Result<(), StoreError> {
    match if_match {
        IfMatch::Is(etag) if *etag != service.etag => {
            Err(StoreError::ETagMismatch { path: id.to_string(), current: service.etag.clone() })
        }
        _ => Ok(()),
    }
}

fn look_up(db: &Connection, id: &ServiceId) -> Result<Option<Found>, StoreError> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM service WHERE name = ?1 AND resource_group = ?2 AND subscription = ?3"
    ))?;
    let mut rows =
        statement.query((id.name.as_str(), id.resource_group.as_str(), id.subscription.as_str()))?;
    rows.next()?.map(read).transpose()
}

/// The identity in three columns that begin at `first`.
pub(super) fn identity(row: &Row<'_>, first: usize) -> Result<ServiceId, StoreError> {
    let invalid = |error: evergate_model::InvalidName| StoreError::Damaged(error.to_string());
    Ok(ServiceId {
        subscription: SubscriptionId::new(row.get::<_, String>(first)?).map_err(invalid)?,
        resource_group: ResourceGroupName::new(row.get::<_, String>(first + 1)?).map_err(invalid)?,
        name: ServiceName::new(row.get::<_, String>(first + 2)?).map_err(invalid)?,
    })
}

fn read(row: &Row<'_>) -> Result<Found, StoreError> {
    let text = |index| -> Result<Properties, StoreError> {
        let text = row.get_ref(index)?.as_str().map_err(rusqlite::Error::from)?;
        properties(text, "a service")
    };
    let service = Service {
        id: identity(row, 1)?,
        location: row.get(4)?,
        sku: Sku { name: row.get(5)?, capacity: row.get(6)? },
        tags: text(7)?,
        body: text(8)?,
        etag: ETag(row.get(9)?),
        created_at: instant(row.get(10)?),
        revision: Revision(unsigned(row.get(11)?)),
        generation: GenerationId(unsigned(row.get(12)?)),
    };
    Ok(Found { number: row.get(0)?, service })
}
