//! Azurite, the storage emulator, with one account.

use std::process::Stdio;

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::clients;

/// A key that Azurite takes: any base64 of 64 bytes.
const KEY: &str = "ZXZlcmdhdGUtdGVzdC1rZXktZXZlcmdhdGUtdGVzdC1rZXktZXZlcmdhdGUtdGVzdC1rZXktMDEyMzQ1Njc4OQ==";

/// A running emulator. Dropping it kills it.
pub struct Azurite {
    port: u16,
    _child: Child,
    _directory: TempDir,
}

impl Azurite {
    /// The account's name.
    pub const ACCOUNT: &str = "devacct";
    /// The account's key.
    pub const KEY: &str = KEY;

    /// Starts one on a free port.
    pub async fn start() -> anyhow::Result<Self> {
        let program = clients::node().await?.join("node_modules/azurite/dist/src/blob/main.js");
        let directory = TempDir::with_prefix("azurite-")?;
        let mut child = Command::new("node")
            .arg(program)
            .args(["--blobHost", "127.0.0.1", "--blobPort", "0", "--location"])
            .arg(directory.path())
            .args(["--disableTelemetry", "--skipApiVersionCheck", "--silent"])
            .env("AZURITE_ACCOUNTS", format!("{}:{KEY}", Self::ACCOUNT))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("node cannot be started")?;
        let output = child.stdout.take().context("Azurite's output")?;
        let mut lines = BufReader::new(output).lines();
        let mut said = String::new();
        let port = loop {
            let Some(line) = lines.next_line().await? else { bail!("Azurite ended: {said}") };
            if line.contains("successfully listen")
                && let Some(port) = line.trim_end_matches('/').rsplit(':').next().and_then(|p| p.parse().ok())
            {
                break port;
            }
            said.push_str(&line);
        };
        // It blocks when nobody reads what it says.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { port, _child: child, _directory: directory })
    }

    /// The account's URL, as `--storage-account devacct=URL` takes it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/{}", self.port, Self::ACCOUNT)
    }
}
