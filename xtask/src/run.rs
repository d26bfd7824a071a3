//! Running other programs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// The root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where cargo builds.
pub(crate) fn target_directory() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => repository().join("target"),
    }
}

/// Runs a command in the repository to its end; it must succeed.
pub(crate) fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    let said = format!("{name} {}", arguments.join(" "));
    let status = command.current_dir(repository()).status();
    let status = status.with_context(|| format!("{name} cannot be run"))?;
    ensure!(status.success(), "`{said}` failed");
    Ok(())
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Builds the product and `lab`, and runs a command of `lab`.
pub(crate) fn lab(command: &str, release: bool, arguments: &[String]) -> anyhow::Result<()> {
    // With the features the tests are built with, so that nothing is compiled twice.
    let mut build = cargo();
    build.args(["build", "--workspace", "--all-features", "--bin", "evergate", "--bin", "lab"]);
    if release {
        build.arg("--release");
    }
    succeed(&mut build)?;
    let directory = target_directory().join(if release { "release" } else { "debug" });
    let mut lab = Command::new(directory.join("lab"));
    lab.arg(command).args(arguments).env("EVERGATE_BINARY", directory.join("evergate"));
    succeed(&mut lab)
}
