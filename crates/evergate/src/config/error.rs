//! Why a configuration is refused: always with the place and the key.

use std::path::PathBuf;

use figment::error::{Actual, Kind};

use super::given::Origin;
use super::keys::KEYS;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file named by `--config` cannot be opened.
    #[error("{}: the configuration file cannot be read", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A value is wrong.
    #[error("{place}: {message}")]
    Value {
        /// The file and key, the variable, or the flag.
        place: String,
        /// What is wrong with it.
        message: String,
    },
}

impl ConfigError {
    /// A key whose value only its user can judge, such as a storage account's URL.
    pub(crate) fn key(key: &str, message: impl std::fmt::Display) -> Self {
        Self::Value { place: format!("`{key}`"), message: message.to_string() }
    }
}

impl From<figment::Error> for ConfigError {
    fn from(error: figment::Error) -> Self {
        let path = error.path.join(".");
        let name = error.metadata.as_ref().map_or("", |metadata| metadata.name.as_ref());
        let key = KEYS.iter().find(|key| error.path.first().is_some_and(|first| first == key.name));
        let source = error.metadata.as_ref().and_then(|metadata| metadata.source.as_ref());
        let file = source.and_then(|source| source.file_path());
        let place = match (file, key) {
            (Some(file), _) if path.is_empty() => file.display().to_string(),
            (Some(file), _) => format!("{}: `{path}`", file.display()),
            (None, Some(key)) if name == Origin::Environment.name() => key.variable().unwrap_or(path),
            (None, Some(key)) if name == Origin::CommandLine.name() => format!("--{}", key.flag),
            (None, _) => format!("`{path}`"),
        };
        Self::Value { place, message: message(&error.kind) }
    }
}

fn message(kind: &Kind) -> String {
    match kind {
        Kind::UnknownField(_, known) => {
            let shown = |name: &&&str| !KEYS.iter().any(|key| key.name == **name && key.hidden);
            let known: Vec<_> = known.iter().filter(shown).map(|name| format!("`{name}`")).collect();
            format!("there is no such key; the keys are {}", known.join(", "))
        }
        Kind::UnknownVariant(found, known) => format!("'{found}' is neither {}", known.join(" nor ")),
        Kind::InvalidType(found, expected) => {
            let found = match found {
                Actual::Str(text) => format!("'{text}'"),
                Actual::Bool(value) => format!("'{value}'"),
                Actual::Signed(number) => format!("'{number}'"),
                Actual::Unsigned(number) => format!("'{number}'"),
                Actual::Seq => "an array".to_owned(),
                Actual::Map => "a table".to_owned(),
                other => other.to_string(),
            };
            format!("{found} is not {}", expected_words(expected))
        }
        other => other.to_string().trim_end().to_owned(),
    }
}

/// serde's words for a type, as a person writes it.
fn expected_words(expected: &str) -> &str {
    match expected {
        "u64" | "u16" | "usize" => "a number of 0 or more",
        "a string" | "path string" => "a text in quotes",
        "a boolean" => "true or false",
        "a map" => "of the form NAME=VALUE, or a table in the file",
        "a sequence" => "an array",
        other => other,
    }
}
