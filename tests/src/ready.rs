//! Waiting for something another process does: bounded, and over at once when it can no longer happen.

use std::time::{Duration, Instant};

use anyhow::bail;

/// How long anything may take to become ready on a machine that is busy compiling.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// Asks until there is an answer.
pub async fn until<T>(
    what: &str,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if started.elapsed() > PATIENCE {
            bail!("{what} has not happened within {} seconds", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
