//! The words of reading and writing configuration: edits, preconditions, snapshots, generations.

use evergate_model::{
    ETag, GenerationId, Properties, ResourcePath, Revision, Secrets, Service, ServiceId, Sku,
};
use jiff::Timestamp;

use crate::OperationId;

/// A service to create.
#[derive(Debug, Clone)]
pub struct NewService {
    /// Its identity.
    pub id: ServiceId,
    /// Its region.
    pub location: String,
    /// Its tier.
    pub sku: Sku,
    /// Its tags.
    pub tags: Properties,
    /// See [`Service::body`].
    pub body: Properties,
}

/// A change to the service itself: what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ServiceEdit {
    /// The version it must be at.
    pub if_match: IfMatch,
    /// The new tier.
    pub sku: Option<Sku>,
    /// The new tags, whole.
    pub tags: Option<Properties>,
    /// The new body, whole.
    pub body: Option<Properties>,
}

/// The `If-Match` condition of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IfMatch {
    /// No condition.
    #[default]
    None,
    /// `*`: the resource must exist.
    Exists,
    /// This version and no other.
    Is(ETag),
}

/// One change of a commit.
#[derive(Debug, Clone)]
pub enum Edit {
    /// Creates or replaces a resource whole.
    Put {
        /// Where.
        path: ResourcePath,
        /// The properties without secrets.
        properties: Properties,
        /// The secret properties.
        secrets: Secrets,
        /// The version it must be at.
        if_match: IfMatch,
    },
    /// Deletes a resource and everything below it.
    Delete {
        /// Where.
        path: ResourcePath,
        /// The version it must be at.
        if_match: IfMatch,
    },
}

/// Something that must hold in the transaction that applies a commit.
#[derive(Debug, Clone)]
pub enum Precondition {
    /// The resource exists.
    Exists(ResourcePath),
    /// The resource does not exist.
    Absent(ResourcePath),
    /// Nothing was committed after this revision ([`crate::StoreError::Stale`] otherwise).
    Revision(Revision),
}

/// Edits that become true together.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// What must hold.
    pub preconditions: Vec<Precondition>,
    /// What changes, in order.
    pub edits: Vec<Edit>,
}

/// What a commit made.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Its revision.
    pub revision: Revision,
    /// The new version of each edit's resource, in the order of the edits; none for a delete, or for
    /// a delete of what was not there.
    pub etags: Vec<Option<ETag>>,
    /// For each edit, whether the resource existed before it.
    pub existed: Vec<bool>,
}

/// Which part of a collection to read.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Only names after this one.
    pub after: Option<String>,
    /// At most this many; none for all.
    pub limit: Option<usize>,
}

/// What happened to one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Created or replaced.
    Put,
    /// Deleted, with everything below it.
    Deleted,
    /// The whole configuration was swapped; the path is empty.
    Swapped,
    /// The service itself changed; the path is empty.
    Service,
}

/// One entry of the change feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The commit.
    pub revision: Revision,
    /// What happened.
    pub kind: ChangeKind,
    /// To what.
    pub path: Option<ResourcePath>,
    /// When.
    pub at: Timestamp,
}

/// What a consistent snapshot holds, known before its first row.
#[derive(Debug, Clone)]
pub struct SnapshotInfo {
    /// The service at that moment; its revision is the snapshot's.
    pub service: Service,
    /// Resources by type (`apis/operations`), in the order the rows come.
    pub counts: Vec<(String, u64)>,
    /// When the snapshot was taken.
    pub at: Timestamp,
}

/// One resource of a snapshot, borrowed from the database.
///
/// `properties` and `secrets` are JSON objects as text, so that a backup copies them unparsed.
#[derive(Clone, Copy)]
pub struct SnapshotRow<'a> {
    /// The type of the row.
    pub resource_type: &'a str,
    /// The resource's path.
    pub path: &'a str,
    /// Its properties as a JSON object.
    pub properties: &'a str,
    /// Its secrets, unsealed, as a JSON object.
    pub secrets: Option<&'a str>,
    /// Its version.
    pub etag: &'a str,
    /// The commit that last wrote it.
    pub revision: Revision,
}

/// Receives a snapshot.
pub trait RowSink: Send {
    /// Called once, before the first row.
    fn begin(&mut self, info: &SnapshotInfo) -> Result<(), String>;
    /// Called for every resource.
    fn row(&mut self, row: SnapshotRow<'_>) -> Result<(), String>;
}

/// A resource to load into a generation; text as in [`SnapshotRow`].
#[derive(Clone)]
pub struct LoadItem {
    /// Where.
    pub path: ResourcePath,
    /// The properties as a JSON object.
    pub properties: String,
    /// The secrets as a JSON object; sealed when stored.
    pub secrets: Option<String>,
    /// The version it had, which it keeps.
    pub etag: ETag,
}

/// Where a generation is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GenerationState {
    /// Being filled by a restore.
    Loading,
    /// The one that serves.
    Live,
    /// It served before; it can be swapped back.
    Former,
}

/// One generation of a service.
#[derive(Debug, Clone)]
pub struct Generation {
    /// Its id.
    pub id: GenerationId,
    /// Where it is in its life.
    pub state: GenerationState,
    /// What made it: `created`, or the backup it was restored from.
    pub origin: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stopped being live.
    pub replaced_at: Option<Timestamp>,
    /// How many resources it holds.
    pub resources: u64,
}

/// A swap of the live generation.
#[derive(Debug, Clone)]
pub struct Swap {
    /// The generation that becomes live.
    pub to: GenerationId,
    /// The generation that must be live now; otherwise [`crate::StoreError::Stale`].
    pub from: GenerationId,
    /// The running operation on whose behalf this happens: it does not make the swap busy.
    pub operation: Option<OperationId>,
    /// The commit that must be the last one, when the swap was planned on it; otherwise
    /// [`crate::StoreError::Stale`].
    pub at: Option<Revision>,
    /// The service's new body, whole, when the swap brings one.
    pub body: Option<Properties>,
}
