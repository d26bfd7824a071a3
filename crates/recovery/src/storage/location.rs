//! What an account name is mapped to: `NAME=URL`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

/// Where the containers of an account are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountLocation {
    /// A folder: containers are its sub-folders, backups are files in them.
    Folder(PathBuf),
    /// An Azure Blob endpoint; what precedes the container in its paths is part of the URL, as in
    /// `http://127.0.0.1:10000/devacct`.
    Blob(Url),
    /// An S3-compatible endpoint; a container is the bucket `{prefix}{container}`.
    S3 {
        /// What precedes the container's name in the bucket's name.
        prefix: String,
        /// The endpoint; none for Amazon's own of the region.
        endpoint: Option<Url>,
        /// The region that requests are signed for.
        region: String,
    },
}

/// A storage mapping that cannot be used; the message says why and what a right one looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// There is no `=`, or nothing before it.
    #[error(
        "'{0}' is not a storage account mapping: write NAME=URL, for example backups=file:///var/backups"
    )]
    Form(String),
    /// The name breaks its rule.
    #[error("'{0}' is not a storage account name: it takes 3 to 24 lower-case letters and digits")]
    Name(String),
    /// The URL cannot be read, or is of an unknown kind.
    #[error(
        "'{url}' is not a storage URL ({reason}): use file:///folder, http(s)://host[:port]/account, \
         https://account.blob.core.windows.net or s3://bucket-prefix?endpoint=https://host&region=name"
    )]
    Url {
        /// What was given, without a password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The name is mapped twice.
    #[error("storage account '{0}' is mapped twice")]
    Twice(String),
}

impl FromStr for AccountLocation {
    type Err = MappingError;

    fn from_str(text: &str) -> Result<Self, MappingError> {
        let invalid = |reason: &str| MappingError::Url { url: shown(text), reason: reason.to_owned() };
        let url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("it must not hold credentials"));
        }
        match url.scheme() {
            "file" => url
                .to_file_path()
                .map(Self::Folder)
                .map_err(|()| invalid("it must name an absolute folder, with three slashes")),
            "http" | "https" if url.query().is_some() || url.fragment().is_some() => {
                Err(invalid("a blob endpoint has no query: keys are given with each request"))
            }
            "http" | "https" => Ok(Self::Blob(url)),
            "s3" => s3(&url).map_err(|reason| invalid(&reason)),
            other => Err(invalid(&format!("scheme '{other}' is unknown"))),
        }
    }
}

fn s3(url: &Url) -> Result<AccountLocation, String> {
    if !matches!(url.path(), "" | "/") {
        return Err(
            "a bucket prefix has no slashes: a container is the bucket {prefix}{container}".to_owned()
        );
    }
    let (mut endpoint, mut region) = (None, None);
    for (name, value) in url.query_pairs() {
        match name.as_ref() {
            "endpoint" => {
                let parsed = Url::parse(&value).map_err(|error| format!("endpoint: {error}"))?;
                if !matches!(parsed.scheme(), "http" | "https") {
                    return Err("the endpoint must be http or https".to_owned());
                }
                endpoint = Some(parsed);
            }
            "region" => region = Some(value.into_owned()),
            other => return Err(format!("parameter '{other}' is unknown")),
        }
    }
    Ok(AccountLocation::S3 {
        prefix: url.host_str().unwrap_or_default().to_owned(),
        endpoint,
        region: region.unwrap_or_else(|| "us-east-1".to_owned()),
    })
}

/// The URL without what might be a password.
fn shown(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}***{}", &text[..scheme + 3], &text[at..]),
        _ => text.to_owned(),
    }
}

impl fmt::Display for AccountLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Blob(url) => f.write_str(url.as_str().trim_end_matches('/')),
            Self::S3 { prefix, endpoint: Some(endpoint), .. } => write!(f, "s3://{prefix} at {endpoint}"),
            Self::S3 { prefix, endpoint: None, region } => write!(f, "s3://{prefix} in {region}"),
        }
    }
}

/// Whether a text can be a storage account's name; keeps a name from becoming another host.
pub(super) fn valid_account_name(name: &str) -> bool {
    (3..=24).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_of_every_kind_are_read() {
        for (text, shown) in [
            ("file:///var/backups", "/var/backups"),
            ("http://127.0.0.1:10000/devacct/", "http://127.0.0.1:10000/devacct"),
            ("https://acct.blob.core.windows.net", "https://acct.blob.core.windows.net"),
            ("s3://corp-?endpoint=http://127.0.0.1:9000&region=x", "s3://corp- at http://127.0.0.1:9000/"),
            ("s3:///?region=eu-west-1", "s3:// in eu-west-1"),
        ] {
            assert_eq!(text.parse::<AccountLocation>().unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn wrong_urls_are_refused_with_the_reason() {
        for (text, reason) in [
            ("backups", "relative URL"),
            ("ftp://host/x", "scheme 'ftp'"),
            ("http://user:secret@host/x", "credentials"),
            ("http://host/x?sig=1", "no query"),
            ("s3://p/folder", "no slashes"),
            ("s3://p?endpoint=ftp://x", "http or https"),
            ("s3://p?key=1", "'key'"),
        ] {
            let error = text.parse::<AccountLocation>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(file|http|s3)?:?/{0,3}[a-z0-9@?&=:/.%\\-]{0,40}") {
            let _ = text.parse::<AccountLocation>();
        }
    }
}
