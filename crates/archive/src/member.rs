//! Members of the tar archive: their names, and their headers on the way in and out.

use std::fmt;

use jiff::Timestamp;

/// Tar's unit.
pub(crate) const BLOCK: usize = 512;

/// The names a member may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    Manifest,
    Part { resource_type: String, number: u32 },
    Checksums,
}

impl Name {
    /// Reads a name in its one accepted spelling.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "manifest.json" => return Some(Self::Manifest),
            "checksums.sha256" => return Some(Self::Checksums),
            _ => {}
        }
        let (resource_type, digits) =
            text.strip_prefix("resources/")?.strip_suffix(".jsonl")?.rsplit_once('.')?;
        let name =
            Self::Part { resource_type: resource_type.replace('.', "/"), number: digits.parse().ok()? };
        (is_resource_type(&resource_type.replace('.', "/")) && name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest => f.write_str("manifest.json"),
            Self::Part { resource_type, number } => {
                write!(f, "resources/{}.{number:04}.jsonl", resource_type.replace('/', "."))
            }
            Self::Checksums => f.write_str("checksums.sha256"),
        }
    }
}

/// Whether a text is a resource type that has a member name of its own: `apis/operations`.
pub(crate) fn is_resource_type(text: &str) -> bool {
    text.len() <= 72
        && text.split('/').all(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        })
}

/// The header block of a member.
pub(crate) fn encode(name: &Name, size: usize, modified: Timestamp) -> Result<[u8; BLOCK], String> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name.to_string()).map_err(|error| error.to_string())?;
    header.set_size(size as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(u64::try_from(modified.as_second()).unwrap_or(0));
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    Ok(*header.as_bytes())
}

/// The bytes that fill a member's last block.
pub(crate) fn padding(size: usize) -> usize {
    size.next_multiple_of(BLOCK) - size
}

/// Takes the first member off `rest`; none at the end mark. The error names what is wrong.
pub(crate) fn next<'a>(rest: &mut &'a [u8]) -> Result<Option<(Name, &'a [u8])>, String> {
    let (block, after) = rest.split_at_checked(BLOCK).ok_or("a member's header is cut")?;
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let header = tar::Header::from_byte_slice(block);
    let sum: u32 =
        block[..148].iter().chain(&block[156..]).map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
    if header.cksum().ok() != Some(sum) || header.as_ustar().is_none() {
        return Err("a member's header is damaged".to_owned());
    }
    let path = String::from_utf8_lossy(&header.path_bytes()).into_owned();
    let unexpected = || format!("unexpected member {path:?}");
    if header.entry_type() != tar::EntryType::Regular {
        return Err(unexpected());
    }
    let name = Name::parse(&path).ok_or_else(unexpected)?;
    let size = header.entry_size().ok().and_then(|size| usize::try_from(size).ok());
    let size = size.filter(|size| *size <= after.len()).ok_or_else(|| format!("{name} is cut"))?;
    let (content, after) = after.split_at(size);
    *rest = after.get(padding(size)..).ok_or_else(|| format!("{name} is cut"))?;
    Ok(Some((name, content)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling() {
        let part = Name::Part { resource_type: "apis/operations".to_owned(), number: 1 };
        assert_eq!(Name::parse("resources/apis.operations.0001.jsonl"), Some(part));
        let far = Name::Part { resource_type: "apis".to_owned(), number: 12345 };
        assert_eq!(Name::parse("resources/apis.12345.jsonl"), Some(far));
        for text in [
            "",
            "./manifest.json",
            "/manifest.json",
            "Manifest.json",
            "resources/../manifest.json",
            "resources/apis.1.jsonl",
            "resources/apis.00001.jsonl",
            "resources/apis.+001.jsonl",
            "resources/apis..0001.jsonl",
            "resources/a/b.0001.jsonl",
            "resources/a\\b.0001.jsonl",
            "resources/.0001.jsonl",
            "resources/0001.jsonl",
            "resources/apis.0001.json",
        ] {
            assert_eq!(Name::parse(text), None, "{text:?}");
        }
    }
}
