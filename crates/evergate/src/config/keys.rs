//! Every key of the configuration, once: flags, variables and the reference page are made from this table.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

pub(crate) const DEFAULT_GATEWAY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
pub(crate) const DEFAULT_GATEWAY_HTTPS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);

/// How a key's value is written outside the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One text.
    Text,
    /// One number.
    Number,
    /// `true` or `false`.
    Switch,
    /// A flag that repeats; a variable with commas; an array in the file.
    List,
    /// `NAME=VALUE`, as a flag that repeats; a variable with commas; a table in the file.
    Map,
    /// Only the file can say it: an array of tables.
    FileOnly,
}

/// One key of the configuration.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its name in the file.
    pub name: &'static str,
    /// Its flag, without dashes.
    pub flag: &'static str,
    /// What the flag's value is called in the help.
    pub value_name: &'static str,
    /// How it is written.
    pub form: Form,
    /// The default as JSON.
    pub default: Option<&'static str>,
    /// The default in words, where the JSON does not say it.
    pub default_text: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Kept out of the help and the reference.
    pub hidden: bool,
}

impl Key {
    /// The environment variable that sets it.
    pub(crate) fn variable(&self) -> Option<String> {
        (self.form != Form::FileOnly)
            .then(|| format!("EVERGATE_{}", self.name.to_ascii_uppercase().replace('-', "_")))
    }
}

const fn key(
    name: &'static str,
    value_name: &'static str,
    form: Form,
    default: &'static str,
    meaning: &'static str,
) -> Key {
    Key {
        name,
        flag: name,
        value_name,
        form,
        default: if default.is_empty() { None } else { Some(default) },
        default_text: "",
        meaning,
        hidden: false,
    }
}

/// All keys, in the order people meet them.
pub(crate) const KEYS: &[Key] = &[
    Key {
        default_text: "`$XDG_DATA_HOME/evergate`, otherwise `~/.local/share/evergate`",
        ..key(
            "data-dir",
            "DIR",
            Form::Text,
            "",
            "The directory that holds everything this server keeps. Made at first start, used by one process at a \
             time.",
        )
    },
    Key {
        default_text: "`local` for a new data directory; afterwards what the directory was made with",
        ..key(
            "region",
            "NAME",
            Form::Text,
            "",
            "The region this server stands in, as resource-manager locations are written (`westeurope`). It is fixed \
             when the data directory is made.",
        )
    },
    key(
        "management",
        "ADDRESS:PORT",
        Form::Text,
        r#""127.0.0.1:9443""#,
        "Where the management API and the directory listen, with TLS. Port 0 takes a free one.",
    ),
    key(
        "gateway",
        "ADDRESS:PORT",
        Form::Text,
        r#""127.0.0.1:8080""#,
        "Where the gateway listens without TLS; `off` for nowhere.",
    ),
    Key {
        default_text: "`127.0.0.1:8443` while `gateway` has its default, otherwise `off`",
        ..key(
            "gateway-https",
            "ADDRESS:PORT",
            Form::Text,
            "",
            "Where the gateway listens with TLS, with the server's own certificate; `off` for nowhere.",
        )
    },
    Key {
        default_text: "`https://localhost:` and the management port",
        ..key(
            "public-endpoint",
            "URL",
            Form::Text,
            "",
            "The origin by which clients reach the management API when another name or a proxy stands before it. \
             Token issuer and `Location` headers are made from it. Its host becomes a name of the certificate.",
        )
    },
    key(
        "gateway-host-suffix",
        "NAME",
        Form::Text,
        r#""gateway.localhost""#,
        "What follows a service's name in its host name: `petstore` answers at `petstore.gateway.localhost`.",
    ),
    Key {
        default_text: "`http://{service}.` + `gateway-host-suffix` + the gateway's port",
        ..key(
            "gateway-url",
            "URL",
            Form::Text,
            "",
            "The URL of a service as its clients see it, with `{service}` in place of its name.",
        )
    },
    Key {
        default_text: "`0`: one a core",
        ..key("gateway-workers", "NUMBER", Form::Number, "0", "How many threads serve gateway traffic.")
    },
    Key {
        flag: "upstream-authority",
        default_text: "none",
        ..key(
            "upstream-authorities",
            "FILE",
            Form::List,
            "[]",
            "PEM files with certificate authorities that the gateway trusts for https backends, beside the platform's.",
        )
    },
    Key {
        flag: "certificate-name",
        default_text: "none",
        ..key(
            "certificate-names",
            "NAME",
            Form::List,
            "[]",
            "More host names or addresses for the server's certificate, beside `localhost`, `127.0.0.1`, `::1` and \
             `*.` + `gateway-host-suffix`.",
        )
    },
    key(
        "metrics",
        "ADDRESS:PORT",
        Form::Text,
        r#""off""#,
        "Where `/metrics` (Prometheus), `/healthz` and `/readyz` are served, without TLS and without sign-in. Metrics \
         name services, so they have a listener of their own.",
    ),
    Key {
        flag: "storage-account",
        default_text: "`evergatestore`, a folder in the data directory",
        ..key(
            "storage-accounts",
            "NAME=URL",
            Form::Map,
            "{}",
            "Storage account names and where they are: `file:///DIR`, `http(s)://HOST:PORT/ACCOUNT` or \
             `https://ACCOUNT.blob.core.windows.net` (Azure Blob, Azurite), \
             `s3://BUCKET-PREFIX?endpoint=URL&region=REGION`.",
        )
    },
    key(
        "public-cloud-storage",
        "BOOL",
        Form::Switch,
        "true",
        "Whether a storage account that is not mapped means `https://ACCOUNT.blob.core.windows.net`.",
    ),
    Key {
        flag: "recovery-key",
        default_text: "none",
        ..key(
            "recovery-keys",
            "FILE",
            Form::List,
            "[]",
            "Recovery key files of other regions. They are copied into the data directory; backups are sealed to \
             them too, and backups sealed to them can be restored here.",
        )
    },
    Key {
        flag: "token-audience",
        default_text: "none",
        ..key(
            "token-audiences",
            "URI",
            Form::List,
            "[]",
            "More audiences that tokens may be for, beside the management endpoint and \
             `https://management.azure.com/`.",
        )
    },
    Key {
        default_text: "none",
        ..key(
            "external-issuers",
            "",
            Form::FileOnly,
            "[]",
            "Other issuers whose tokens are accepted: tables with `issuer` (the URL its discovery document is under), \
             `audiences`, and `tenants` where the issuer serves many.",
        )
    },
    key(
        "log-format",
        "FORMAT",
        Form::Text,
        r#""text""#,
        "How log lines on standard error look: `text` or `json`.",
    ),
    key(
        "log",
        "FILTER",
        Form::Text,
        r#""info""#,
        "Which log lines are written: a level, or directives such as `info,evergate_recovery=debug`.",
    ),
    key(
        "shutdown-grace",
        "SECONDS",
        Form::Number,
        "10",
        "How long running requests may take to finish after SIGTERM or SIGINT. A second signal ends at once.",
    ),
    Key {
        hidden: true,
        ..key(
            "abort-at",
            "POINT",
            Form::Text,
            "",
            "Aborts the process at a named point of backup or restore.",
        )
    },
    Key {
        hidden: true,
        ..key(
            "clock-days-behind",
            "DAYS",
            Form::Number,
            "0",
            "Backs up and restores as if it were that many days ago.",
        )
    },
];
