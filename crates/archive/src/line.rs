//! One resource as a line of JSON; settings and secrets pass through as text, unparsed.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::write::WriteError;

/// The longest line, so that reading stays within a known amount of memory.
pub(crate) const MAX_LINE: usize = 64 << 20;

/// A resource of a verified archive, borrowed from the reader's buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LineRef<'a> {
    /// The type of the part it stands in, for example `apis/operations`.
    pub resource_type: &'a str,
    /// Its path in the service.
    pub path: &'a str,
    /// The version it keeps.
    pub etag: &'a str,
    /// The commit that last wrote it.
    pub revision: u64,
    /// Its settings without secrets: the text of a JSON object.
    pub properties: &'a str,
    /// Its secret settings: the text of a JSON object.
    pub secrets: Option<&'a str>,
}

impl std::fmt::Debug for LineRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} at {})", self.path, self.etag, self.revision)
    }
}

/// A line as it stands in a part. An unknown member would be lost, so it is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(borrow)]
    etag: Cow<'a, str>,
    revision: u64,
    #[serde(borrow)]
    properties: &'a RawValue,
    #[serde(borrow, default)]
    secrets: Option<&'a RawValue>,
}

impl<'a> Line<'a> {
    /// Reads a line without its newline; the error says what is wrong with it and repeats none of it.
    pub(crate) fn parse(text: &'a str) -> Result<Self, String> {
        let line: Self = serde_json::from_str(text)
            .map_err(|error| format!("{:?} error at column {}", error.classify(), error.column()))?;
        let is_object = |value: &RawValue| value.get().starts_with('{');
        if !is_object(line.properties) || !line.secrets.is_none_or(is_object) {
            return Err("properties and secrets are objects".to_owned());
        }
        if !line.path.starts_with('/') {
            return Err("a path begins with a slash".to_owned());
        }
        Ok(line)
    }

    pub(crate) fn as_ref<'b>(&'b self, resource_type: &'b str) -> LineRef<'b> {
        LineRef {
            resource_type,
            path: &self.path,
            etag: &self.etag,
            revision: self.revision,
            properties: self.properties.get(),
            secrets: self.secrets.map(RawValue::get),
        }
    }
}

/// The lines of a part, each with its newline. The encoding is checked once for all, which is cheaper than per value.
pub(crate) fn lines(content: &[u8]) -> Result<impl Iterator<Item = &str>, String> {
    let text = std::str::from_utf8(content).map_err(|error| error.to_string())?;
    Ok(text.split_inclusive('\n'))
}

/// Appends a line with its newline.
pub(crate) fn append(
    out: &mut Vec<u8>,
    path: &str,
    etag: &str,
    revision: u64,
    properties: &str,
    secrets: Option<&str>,
) -> Result<(), WriteError> {
    let length = path.len() + etag.len() + properties.len() + secrets.map_or(0, str::len);
    if length > MAX_LINE - 1024 {
        return Err(WriteError::TooLarge { path: path.to_owned(), length });
    }
    out.reserve(length + 96);
    let text = |out: &mut Vec<u8>, value: &str| {
        serde_json::to_writer(out, value).map_err(|error| WriteError::Invalid(error.to_string()))
    };
    out.extend_from_slice(b"{\"path\":");
    text(out, path)?;
    out.extend_from_slice(b",\"etag\":");
    text(out, etag)?;
    out.extend_from_slice(b",\"revision\":");
    out.extend_from_slice(revision.to_string().as_bytes());
    out.extend_from_slice(b",\"properties\":");
    append_on_one_line(out, properties);
    if let Some(secrets) = secrets {
        out.extend_from_slice(b",\"secrets\":");
        append_on_one_line(out, secrets);
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// A newline in JSON text is only ever white space between tokens; a space means the same.
fn append_on_one_line(out: &mut Vec<u8>, json: &str) {
    let start = out.len();
    out.extend_from_slice(json.as_bytes());
    if json.as_bytes().contains(&b'\n') {
        out[start..].iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
    }
}
