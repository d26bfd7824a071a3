//! The `evergate` program under test.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use tokio::sync::OnceCell;

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where cargo builds.
pub fn target_directory() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => repository().join("target"),
    }
}

/// The program's path. It is built first, so that no test runs against an old one; `EVERGATE_BINARY`
/// names another and skips the build.
pub async fn evergate() -> anyhow::Result<PathBuf> {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    let build = || async {
        if let Some(path) = std::env::var_os("EVERGATE_BINARY") {
            return Ok(PathBuf::from(path));
        }
        tokio::task::spawn_blocking(|| build(false)).await?
    };
    BUILT.get_or_try_init(build).await.cloned()
}

/// Builds the program with the features the whole workspace is tested with, so that nothing is compiled
/// twice, and returns its path.
pub fn build(release: bool) -> anyhow::Result<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(repository());
    cargo.args(["build", "--quiet", "--workspace", "--all-features", "--bin", "evergate"]);
    if release {
        cargo.arg("--release");
    }
    let status = cargo.status().context("cargo cannot be run")?;
    ensure!(status.success(), "the evergate program does not build");
    let profile = if release { "release" } else { "debug" };
    Ok(target_directory().join(profile).join("evergate"))
}
