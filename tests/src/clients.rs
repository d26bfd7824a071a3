//! The clients that people use, as `cargo xtask clients` installs them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::binary::{repository, target_directory};

/// The folder with the pinned lists of what is installed, and the scripts that tests run.
pub fn sources() -> PathBuf {
    repository().join("tests/clients")
}

/// The Python environment's `bin` directory: `az`, and `python` with the management and storage packages.
pub async fn python() -> anyhow::Result<PathBuf> {
    Ok(installed().await?.join("venv/bin"))
}

/// The directory whose `node_modules` has the Node packages.
pub async fn node() -> anyhow::Result<PathBuf> {
    Ok(installed().await?.join("node"))
}

/// `cargo xtask clients` knows how they are installed, and is quick when they are.
async fn installed() -> anyhow::Result<PathBuf> {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let install = || async {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(repository()).args(["run", "--quiet", "--package", "xtask", "--", "clients"]);
        let output = cargo.stdin(Stdio::null()).output().await.context("cargo cannot be run")?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the clients cannot be installed: {error}");
        anyhow::Ok(())
    };
    INSTALLED.get_or_try_init(install).await?;
    Ok(target_directory().join("clients"))
}

/// Runs a script of [`sources`] with Python or Node, by its extension, and returns what it printed as JSON.
pub async fn script(
    name: &str,
    input: &serde_json::Value,
    ca_file: &Path,
) -> anyhow::Result<serde_json::Value> {
    let path = sources().join(name);
    let mut command = if path.extension().is_some_and(|extension| extension == "py") {
        Command::new(python().await?.join("python"))
    } else {
        Command::new("node")
    };
    // Node finds packages beside the script's own directory, so the script runs beside them.
    let path = if path.extension().is_some_and(|extension| extension == "mjs") {
        let copy = node().await?.join(name);
        std::fs::copy(&path, &copy)?;
        copy
    } else {
        path
    };
    command.arg(path).env("INPUT", input.to_string());
    command
        .env("REQUESTS_CA_BUNDLE", ca_file)
        .env("NODE_EXTRA_CA_CERTS", ca_file)
        .env("NODE_NO_WARNINGS", "1");
    for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        command.env_remove(proxy);
    }
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("{name}: {}\n{printed}{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_str(&printed).with_context(|| format!("{name} printed {printed}"))
}
