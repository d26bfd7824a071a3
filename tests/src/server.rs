//! An `evergate serve` process with its data directory.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{Gateway, Management, binary, ready};

/// What a server's first start wrote for programs.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bootstrap {
    /// The origin of the management API and the directory.
    pub management_endpoint: String,
    /// The gateway's origin.
    pub gateway_endpoint: String,
    /// The certificate authority to trust.
    pub ca_file: PathBuf,
    /// The directory's tenant.
    pub tenant_id: String,
    /// The subscription that owns services.
    pub subscription_id: String,
    /// The owner application.
    pub application_id: String,
    /// Its secret.
    pub client_secret: String,
    /// The folder account.
    pub storage_account: String,
    /// Its key.
    pub access_key: String,
    /// The recovery key.
    pub recovery_key_file: PathBuf,
}

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    arguments: Vec<String>,
    binary: Option<PathBuf>,
}

impl ServerOptions {
    /// In a region.
    pub fn region(name: &str) -> Self {
        Self::default().argument("--region", name)
    }

    /// With a storage account.
    #[must_use]
    pub fn storage_account(self, name: &str, url: &str) -> Self {
        self.argument("--storage-account", &format!("{name}={url}"))
    }

    /// With another region's recovery key.
    #[must_use]
    pub fn recovery_key(self, file: &Path) -> Self {
        self.argument("--recovery-key", &file.display().to_string())
    }

    /// Aborting at a checkpoint.
    #[must_use]
    pub fn abort_at(self, point: &str) -> Self {
        self.argument("--abort-at", point)
    }

    /// As if backups and restores were made so many days ago.
    #[must_use]
    pub fn clock_days_behind(self, days: u32) -> Self {
        self.argument("--clock-days-behind", &days.to_string())
    }

    /// With any other flag.
    #[must_use]
    pub fn argument(mut self, flag: &str, value: &str) -> Self {
        self.arguments.extend([flag.to_owned(), value.to_owned()]);
        self
    }

    /// Another program than the one under test, such as a release build.
    #[must_use]
    pub fn binary(mut self, path: PathBuf) -> Self {
        self.binary = Some(path);
        self
    }

    /// Starts it in a new temporary data directory.
    pub async fn start(self) -> anyhow::Result<Server> {
        let directory = TempDir::with_prefix("evergate-")?;
        let path = directory.path().join("data");
        Server::launch(self, path, Some(directory)).await
    }

    /// Starts it in a data directory that outlives it.
    pub async fn start_in(self, data: &Path) -> anyhow::Result<Server> {
        Server::launch(self, data.to_owned(), None).await
    }
}

/// A running server. Dropping it kills it.
pub struct Server {
    /// How to reach it and sign in.
    pub bootstrap: Bootstrap,
    data: PathBuf,
    options: ServerOptions,
    child: Child,
    directory: Option<TempDir>,
}

impl Server {
    async fn launch(
        options: ServerOptions,
        data: PathBuf,
        directory: Option<TempDir>,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&data)?;
        let binary = match &options.binary {
            Some(path) => path.clone(),
            None => binary::evergate().await?,
        };
        let log = File::options().create(true).append(true).open(log_of(&data))?;
        let mut child = Command::new(binary)
            .arg("serve")
            .arg("--data-dir")
            .arg(&data)
            .args(["--management", "127.0.0.1:0", "--gateway", "127.0.0.1:0"])
            .args(&options.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("evergate cannot be started")?;
        let bootstrap = wait_until_ready(&mut child, &data).await?;
        Ok(Self { bootstrap, data, options, child, directory })
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(log_of(&self.data)).unwrap_or_default()
    }

    /// Its management API, signed in as the owner application.
    pub async fn management(&self) -> anyhow::Result<Management> {
        Management::sign_in(&self.bootstrap).await
    }

    /// Its gateway.
    pub fn gateway(&self) -> anyhow::Result<Gateway> {
        Gateway::at(&self.bootstrap.gateway_endpoint)
    }

    /// Kills it as a power cut would.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Waits for it to end by itself.
    pub async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        match tokio::time::timeout(ready::PATIENCE, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("the server runs on; its log:\n{}", self.log()),
        }
    }

    /// Asks it to end, and waits.
    pub async fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        let id = self.child.id().context("the server has ended")?;
        let sent = Command::new("kill").args(["-TERM", &id.to_string()]).status().await?;
        anyhow::ensure!(sent.success(), "the server could not be asked to end");
        self.ended().await
    }

    /// Starts it again on the same data, without its abort point. It must have ended.
    pub async fn restart(self) -> anyhow::Result<Self> {
        let mut options = self.options.clone();
        if let Some(at) = options.arguments.iter().position(|argument| argument == "--abort-at") {
            options.arguments.drain(at..at + 2);
        }
        self.restart_with(options).await
    }

    /// Starts it again on the same data with other options. It must have ended.
    pub async fn restart_with(mut self, options: ServerOptions) -> anyhow::Result<Self> {
        self.child.kill().await?;
        let (data, directory) = (self.data.clone(), self.directory.take());
        Self::launch(options, data, directory).await
    }
}

fn log_of(data: &Path) -> PathBuf {
    let name = data.file_name().unwrap_or_default().to_string_lossy();
    data.with_file_name(format!("{name}.log"))
}

/// A server announces itself in `running.json`; its first start leaves `bootstrap.json` beside it.
async fn wait_until_ready(child: &mut Child, data: &Path) -> anyhow::Result<Bootstrap> {
    let id = child.id().context("the server has ended")?;
    let log = log_of(data);
    let running = ready::until("the server's start", async || {
        if let Some(status) = child.try_wait()? {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            bail!("the server ended with {status}; its log:\n{log}");
        }
        let text = std::fs::read_to_string(data.join("running.json")).unwrap_or_default();
        let running: Value = serde_json::from_str(&text).unwrap_or_default();
        let ready = running["processId"] == id && data.join("bootstrap.json").exists();
        Ok(ready.then_some(running))
    })
    .await?;
    let text = std::fs::read_to_string(data.join("bootstrap.json"))?;
    let mut bootstrap: Bootstrap = serde_json::from_str(&text)?;
    for (endpoint, key) in [
        (&mut bootstrap.management_endpoint, "managementEndpoint"),
        (&mut bootstrap.gateway_endpoint, "gatewayEndpoint"),
    ] {
        running[key].as_str().with_context(|| format!("running.json has no {key}"))?.clone_into(endpoint);
    }
    Ok(bootstrap)
}
