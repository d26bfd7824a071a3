//! Command lines, run to their end: ours and Azure's.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::ensure;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::{Bootstrap, binary, clients};

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Run {
    /// The command as it was typed.
    pub command: String,
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub error: String,
}

impl Run {
    /// The output as JSON, when the command succeeded.
    pub fn json(&self) -> anyhow::Result<Value> {
        let code = self.code.unwrap_or(-1);
        ensure!(code == 0, "`{}` ended with {code}:\n{}{}", self.command, self.output, self.error);
        Ok(serde_json::from_str(&self.output).unwrap_or(Value::String(self.output.clone())))
    }
}

/// A command line with an environment and home of its own.
pub struct CommandLine {
    program: PathBuf,
    environment: Vec<(String, String)>,
    suffix: Vec<String>,
    home: TempDir,
}

impl CommandLine {
    /// The Azure CLI, pointed at a server and signed in as its owner application.
    pub async fn azure(bootstrap: &Bootstrap) -> anyhow::Result<Self> {
        let home = TempDir::with_prefix("az-")?;
        let environment = [
            ("AZURE_CONFIG_DIR", home.path().display().to_string()),
            ("REQUESTS_CA_BUNDLE", bootstrap.ca_file.display().to_string()),
            ("AZURE_CORE_INSTANCE_DISCOVERY", "false".to_owned()),
            ("AZURE_CORE_COLLECT_TELEMETRY", "no".to_owned()),
            ("AZURE_CORE_NO_COLOR", "yes".to_owned()),
        ];
        let az = Self {
            program: clients::python().await?.join("az"),
            environment: environment.map(|(name, value)| (name.to_owned(), value)).into(),
            suffix: Vec::new(),
            home,
        };
        let endpoint = &bootstrap.management_endpoint;
        az.run(&["cloud", "register", "-n", "Evergate", "--endpoint-resource-manager", endpoint])
            .await?
            .json()?;
        az.run(&["cloud", "set", "-n", "Evergate"]).await?.json()?;
        let secret = format!("--password={}", bootstrap.client_secret);
        let (application, tenant) = (&bootstrap.application_id, &bootstrap.tenant_id);
        az.run(&["login", "--service-principal", "-u", application, &secret, "--tenant", tenant])
            .await?
            .json()?;
        Ok(az)
    }

    /// Our own command line, pointed at a server; it is not signed in.
    pub async fn evergate(bootstrap: &Bootstrap) -> anyhow::Result<Self> {
        let mut evergate = Self::evergate_offline().await?;
        evergate.set("EVERGATE_ENDPOINT", &bootstrap.management_endpoint);
        evergate.set("EVERGATE_CA_FILE", &bootstrap.ca_file.display().to_string());
        evergate.set("EVERGATE_SUBSCRIPTION", &bootstrap.subscription_id);
        Ok(evergate)
    }

    /// Our own command line without any server.
    pub async fn evergate_offline() -> anyhow::Result<Self> {
        let home = TempDir::with_prefix("evergate-home-")?;
        let path = home.path().display().to_string();
        let mut evergate = Self {
            program: binary::evergate().await?,
            environment: Vec::new(),
            suffix: ["--output", "json"].map(str::to_owned).into(),
            home,
        };
        evergate.set("HOME", &path);
        evergate.set("XDG_CONFIG_HOME", &path);
        Ok(evergate)
    }

    /// Sets a variable for the commands that follow.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// A directory of its own, for files.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs a command to its end, whatever that is.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<Run> {
        let output = Command::new(&self.program)
            .args(arguments)
            .args(&self.suffix)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        Ok(Run {
            command: arguments.join(" "),
            code: output.status.code(),
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            error: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}
