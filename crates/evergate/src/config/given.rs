//! Values given as text, in the environment or as flags, for [`figment`].

use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider};

use super::keys::{Form, KEYS, Key};

/// Where a value was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Environment,
    CommandLine,
}

impl Origin {
    /// The name [`Metadata`] carries, by which the error knows the origin again.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::CommandLine => "command line",
        }
    }
}

/// The keys one origin gives.
pub(crate) struct Given {
    pub origin: Origin,
    pub values: Vec<(&'static Key, Vec<String>)>,
}

impl Given {
    /// The keys the environment gives; an empty variable gives nothing.
    pub(crate) fn environment(variables: &[(String, String)]) -> Self {
        let values = KEYS
            .iter()
            .filter_map(|key| {
                let variable = key.variable()?;
                let (_, text) =
                    variables.iter().find(|(name, text)| *name == variable && !text.is_empty())?;
                let texts = match key.form {
                    Form::List | Form::Map => text.split(',').map(|part| part.trim().to_owned()).collect(),
                    _ => vec![text.clone()],
                };
                Some((key, texts))
            })
            .collect();
        Self { origin: Origin::Environment, values }
    }
}

impl Provider for Given {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.name())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut dict = Dict::new();
        for (key, texts) in &self.values {
            dict.insert(key.name.to_owned(), value(key, texts));
        }
        Ok(Map::from([(Profile::Default, dict)]))
    }
}

/// A text that does not have the key's form stays text: reading it as the key's type then names the key.
fn value(key: &Key, texts: &[String]) -> Value {
    let text = texts.last().map_or("", String::as_str);
    match key.form {
        Form::Text | Form::FileOnly => Value::from(text),
        Form::Number => text.parse::<u64>().map_or_else(|_| Value::from(text), Value::from),
        Form::Switch => text.parse::<bool>().map_or_else(|_| Value::from(text), Value::from),
        Form::List => Value::from(texts.to_vec()),
        Form::Map => {
            let pairs: Option<Vec<_>> = texts.iter().map(|text| text.split_once('=')).collect();
            match pairs {
                Some(pairs) => {
                    Value::from(pairs.into_iter().map(|(k, v)| (k, Value::from(v))).collect::<Map<_, _>>())
                }
                None => Value::from(texts.join(",")),
            }
        }
    }
}
