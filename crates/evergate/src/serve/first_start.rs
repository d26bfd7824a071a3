//! What a start tells: `bootstrap.json` and `bootstrap.env` for programs, a few lines for people.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::accounts::Told;
use super::data_directory::{DataDirectory, read_optional, write_private};

const JSON: &str = "bootstrap.json";
const ENVIRONMENT: &str = "bootstrap.env";
const RUNNING: &str = "running.json";

/// Where a running server answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "these are the names in the files")]
pub(crate) struct Endpoints {
    /// The management API and the directory.
    pub management_endpoint: String,
    /// The gateway's own origin; services answer under their host names.
    pub gateway_endpoint: String,
    /// The gateway's origin with TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_https_endpoint: Option<String>,
    /// The metrics listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_endpoint: Option<String>,
}

/// The content of `bootstrap.json`: how to reach this server and how to sign in as its owner.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bootstrap {
    pub management_endpoint: String,
    pub gateway_endpoint: String,
    pub ca_file: PathBuf,
    pub tenant_id: String,
    pub subscription_id: String,
    pub application_id: String,
    pub client_secret: String,
    pub user_name: String,
    pub user_password: String,
    pub storage_account: String,
    pub access_key: String,
    pub recovery_key_file: PathBuf,
    pub region: String,
}

impl Bootstrap {
    /// Writes both files; `bootstrap.json` last, because scripts wait for it.
    pub(crate) fn write(&self, data: &DataDirectory) -> anyhow::Result<()> {
        write_private(&data.join(ENVIRONMENT), self.environment())?;
        write_private(&data.join(JSON), serde_json::to_string_pretty(self)? + "\n")
    }

    /// The variables of our own client and of Azure's, for `.` or `source`.
    fn environment(&self) -> String {
        let ca_file = self.ca_file.display().to_string();
        let mut text = String::new();
        for (name, value) in [
            ("EVERGATE_ENDPOINT", self.management_endpoint.as_str()),
            ("EVERGATE_CA_FILE", &ca_file),
            ("EVERGATE_SUBSCRIPTION", &self.subscription_id),
            ("EVERGATE_STORAGE_KEY", &self.access_key),
            ("REQUESTS_CA_BUNDLE", &ca_file),
            ("NODE_EXTRA_CA_CERTS", &ca_file),
            ("AZURE_AUTHORITY_HOST", &self.management_endpoint),
            ("AZURE_CORE_INSTANCE_DISCOVERY", "false"),
            ("AZURE_TENANT_ID", &self.tenant_id),
            ("AZURE_CLIENT_ID", &self.application_id),
            ("AZURE_CLIENT_SECRET", &self.client_secret),
            ("AZURE_SUBSCRIPTION_ID", &self.subscription_id),
        ] {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "export {name}={}", quoted(value));
        }
        text
    }
}

/// Keeps the endpoints in the bootstrap files true after a restart on other ports, where the operator
/// has left the files.
pub(crate) fn refresh(data: &DataDirectory, endpoints: &Endpoints) -> anyhow::Result<()> {
    let Some(text) = read_optional(&data.join(JSON))? else { return Ok(()) };
    let Ok(mut bootstrap) = serde_json::from_str::<Bootstrap>(&text) else {
        tracing::warn!(file = JSON, "this file was changed by hand; it is left as it is");
        return Ok(());
    };
    let before = bootstrap.clone();
    bootstrap.management_endpoint.clone_from(&endpoints.management_endpoint);
    bootstrap.gateway_endpoint.clone_from(&endpoints.gateway_endpoint);
    if bootstrap == before { Ok(()) } else { bootstrap.write(data) }
}

/// `running.json`: there while the server answers, with its endpoints and process id.
pub(crate) struct Running(PathBuf);

impl Running {
    /// Removes what a killed process left, before anything listens.
    pub(crate) fn prepare(data: &DataDirectory) -> anyhow::Result<Self> {
        let path = data.join(RUNNING);
        if path.exists() {
            std::fs::remove_file(&path)?;
        }
        Ok(Self(path))
    }

    /// Says that the server answers.
    pub(crate) fn announce(&self, endpoints: &Endpoints) -> anyhow::Result<()> {
        let mut document = serde_json::to_value(endpoints)?;
        document["processId"] = std::process::id().into();
        write_private(&self.0, serde_json::to_string_pretty(&document)? + "\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may not have been written yet.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What every start says.
pub(crate) fn ready_text(region: &str, endpoints: &Endpoints) -> String {
    let mut text = format!(
        "Evergate is ready in region '{region}'.\n  management  {}\n  gateway     {}\n",
        endpoints.management_endpoint, endpoints.gateway_endpoint
    );
    if let Some(https) =
        endpoints.gateway_https_endpoint.as_ref().filter(|https| **https != endpoints.gateway_endpoint)
    {
        let _ = writeln!(text, "              {https}");
    }
    if let Some(metrics) = &endpoints.metrics_endpoint {
        let _ = writeln!(text, "  metrics     {metrics}/metrics");
    }
    text
}

/// What a start that gave the owner new credentials says besides.
pub(crate) fn recovered_text(root: &Path) -> String {
    format!(
        "\n\
         The owner has a new secret and the administrator a new password: see {json}.\n\
         The former password is void. Former secrets still count; remove those that may be in wrong hands.\n\
         \n\
         \x20 evergate login --bootstrap {json}\n",
        json = quoted(&root.join(JSON).display().to_string())
    )
}

/// What a first start says besides.
pub(crate) fn first_start_text(root: &Path, bootstrap: &Bootstrap, account: &Told) -> String {
    let json = quoted(&root.join(JSON).display().to_string());
    let environment = quoted(&root.join(ENVIRONMENT).display().to_string());
    format!(
        "\n\
         This was the first start. Made in {root}:\n\
         \x20 bootstrap.json  how to reach this server and sign in as its owner; also as bootstrap.env for shells\n\
         \x20 tls/ca.pem      the certificate authority that clients must trust\n\
         \x20 recovery.key    opens this region's backups. COPY IT AWAY FROM THIS MACHINE NOW: a backup can be\n\
         \x20                 restored elsewhere only with it\n\
         Storage account '{account}' is the folder {folder}.\n\
         \n\
         Next, in another terminal, with our command line:\n\
         \n\
         \x20 evergate login --bootstrap {json}\n\
         \x20 evergate storage container create backups --storage-url {url}\n\
         \n\
         or with Azure's:\n\
         \n\
         \x20 . {environment}\n\
         \x20 az cloud register -n Evergate --endpoint-resource-manager {management}\n\
         \x20 az cloud set -n Evergate\n\
         \x20 az login --service-principal -u \"$AZURE_CLIENT_ID\" -p \"$AZURE_CLIENT_SECRET\" --tenant \"$AZURE_TENANT_ID\"\n\
         \x20 az group create -n rg1 -l {region}\n\
         \x20 az apim create -g rg1 -n SERVICE --publisher-email YOU@EXAMPLE.COM --publisher-name YOU --sku-name Developer\n",
        root = root.display(),
        account = account.name,
        folder = account.folder.display(),
        url = quoted(&folder_url(&account.folder)),
        management = bootstrap.management_endpoint,
        region = bootstrap.region,
    )
}

fn folder_url(folder: &Path) -> String {
    url::Url::from_file_path(folder).map_or_else(|()| folder.display().to_string(), Into::into)
}

/// A value as one word of a POSIX shell.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests;
