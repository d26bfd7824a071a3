//! Named points of a backup and a restore, at which tests end the process.

/// Is told when a named point is reached.
///
/// The points of a backup are `backup.snapshot` (everything was read), `backup.staged` (everything
/// is uploaded, nothing is visible) and `backup.committed`; of a restore `restore.downloaded`,
/// `restore.loading` (the first resources are in the new generation), `restore.verified` (all are,
/// and were counted) and `restore.swapped`. `backup.ending` and `restore.ending` are last: all is done,
/// and the store is told so next.
pub trait Checkpoints: Send + Sync {
    /// Called at the point, before what follows it.
    fn reach(&self, name: &str);
}

/// Passes every point.
#[derive(Debug, Clone, Copy)]
pub struct NoCheckpoints;

impl Checkpoints for NoCheckpoints {
    fn reach(&self, _name: &str) {}
}
