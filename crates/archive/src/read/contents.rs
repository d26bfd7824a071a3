//! What the frames of a body hold, and whether it is what the manifest and the checksums say.

use std::fmt::Write;

use super::ReadError;
use crate::digest::{sha256, sha256_hex};
use crate::frame::Frame;
use crate::line::{self, Line};
use crate::member::{self, BLOCK, Name};
use crate::pipeline::Work;
use crate::{Header, LineRef, Manifest};

/// What a worker found in one frame.
pub(super) struct FrameReport {
    index: u64,
    members: Vec<MemberReport>,
    /// Whether tar's end mark followed the last member.
    ended: bool,
}

struct MemberReport {
    name: Name,
    sha256: String,
    /// Lines of a part.
    resources: u64,
    /// The content of the manifest or the checksums.
    text: Vec<u8>,
}

/// What has been read so far, in order.
#[derive(Default)]
pub(super) struct Contents {
    manifest: Option<Manifest>,
    frames: Vec<[u8; 32]>,
    /// What `checksums.sha256` must say.
    checksums: String,
    found: Vec<Found>,
    ended: bool,
}

/// Parts of one type.
struct Found {
    resource_type: String,
    parts: u32,
    resources: u64,
}

impl Contents {
    /// Notes the hash of the next frame.
    pub(super) fn pin(&mut self, frame: [u8; 32]) {
        self.frames.push(frame);
    }

    /// Takes the next frame's report.
    pub(super) fn add(&mut self, report: FrameReport) -> Result<(), ReadError> {
        if self.ended {
            return Err(ReadError::altered(format!("frame {}: something follows the end", report.index)));
        }
        let first = report.index == 0;
        if first && report.members.len() != 1 {
            return Err(ReadError::altered("frame 0: it holds more than the manifest"));
        }
        for member in report.members {
            if first != (member.name == Name::Manifest) || self.ended {
                return Err(ReadError::altered(format!("{} stands in a wrong place", member.name)));
            }
            self.member(&member)?;
        }
        if self.ended == report.ended {
            Ok(())
        } else {
            Err(ReadError::altered("the end mark does not follow the checksums"))
        }
    }

    fn member(&mut self, member: &MemberReport) -> Result<(), ReadError> {
        match &member.name {
            Name::Manifest => {
                let manifest = serde_json::from_slice(&member.text)
                    .map_err(|error| ReadError::altered(format!("manifest.json: {error}")))?;
                self.manifest = Some(manifest);
            }
            Name::Part { resource_type, number } => self.part(resource_type, *number, member.resources)?,
            Name::Checksums => {
                if member.text != self.checksums.as_bytes() {
                    return Err(ReadError::altered("checksums.sha256 does not match the members before it"));
                }
                self.ended = true;
            }
        }
        let _ = writeln!(self.checksums, "{}  {}", member.sha256, member.name);
        Ok(())
    }

    fn part(&mut self, resource_type: &str, number: u32, resources: u64) -> Result<(), ReadError> {
        let at = self.found.iter().position(|found| found.resource_type == resource_type);
        let at = at.unwrap_or_else(|| {
            self.found.push(Found { resource_type: resource_type.to_owned(), parts: 0, resources: 0 });
            self.found.len() - 1
        });
        let found = &mut self.found[at];
        if number != found.parts + 1 {
            return Err(ReadError::altered(format!(
                "part {number} of {resource_type} follows part {}",
                found.parts
            )));
        }
        found.parts = number;
        found.resources += resources;
        Ok(())
    }

    /// The manifest and the frames' hashes, when everything is there and agrees.
    pub(super) fn finish(
        self,
        header: &Header,
        header_sha256: &str,
    ) -> Result<(Manifest, Vec<[u8; 32]>), ReadError> {
        let manifest = self.manifest.ok_or_else(|| ReadError::altered("there is no manifest"))?;
        if !self.ended {
            return Err(ReadError::altered("checksums.sha256 is missing"));
        }
        if let Some(fact) = manifest.disagreement(header) {
            return Err(ReadError::altered(format!("header and manifest state another {fact}")));
        }
        if manifest.header_sha256 != header_sha256 {
            return Err(ReadError::altered("the header is not the one that the manifest names"));
        }
        let mut announced: Vec<_> = manifest.counts.iter().filter(|(_, count)| *count > 0).cloned().collect();
        let mut found: Vec<_> =
            self.found.into_iter().map(|found| (found.resource_type, found.resources)).collect();
        announced.sort();
        found.sort();
        if announced != found {
            return Err(ReadError::altered("the counts are not those of the manifest"));
        }
        Ok((manifest, self.frames))
    }
}

/// What one worker of the first reading does.
pub(super) fn inspector() -> Work<Frame, Result<FrameReport, ReadError>> {
    let mut decompressor = None;
    Box::new(move |frame| inspect(&frame, prepared(&mut decompressor)?))
}

/// What one worker of the second reading does.
pub(super) fn unpacker() -> Work<(Frame, [u8; 32]), Result<Vec<u8>, ReadError>> {
    let mut decompressor = None;
    Box::new(move |(frame, pin)| {
        if sha256(&frame.bytes) != pin {
            return Err(ReadError::altered("the file, after it was verified"));
        }
        frame.decompress(prepared(&mut decompressor)?)
    })
}

fn prepared<'a>(
    slot: &'a mut Option<zstd::bulk::Decompressor<'static>>,
) -> Result<&'a mut zstd::bulk::Decompressor<'static>, ReadError> {
    Ok(match slot {
        Some(decompressor) => decompressor,
        none => none.insert(zstd::bulk::Decompressor::new()?),
    })
}

fn inspect(frame: &Frame, decompressor: &mut zstd::bulk::Decompressor<'_>) -> Result<FrameReport, ReadError> {
    let altered = |what: String| ReadError::altered(format!("frame {}: {what}", frame.index));
    let content = frame.decompress(decompressor)?;
    let mut report = FrameReport { index: frame.index, members: Vec::new(), ended: false };
    let mut rest = content.as_slice();
    while !rest.is_empty() {
        let Some((name, content)) = member::next(&mut rest).map_err(altered)? else {
            if rest.len() != 2 * BLOCK || rest.iter().any(|byte| *byte != 0) {
                return Err(altered("it goes on after the end mark".to_owned()));
            }
            report.ended = true;
            break;
        };
        let mut member = MemberReport { sha256: sha256_hex(content), name, resources: 0, text: Vec::new() };
        if matches!(member.name, Name::Part { .. }) {
            member.resources =
                count_lines(content).map_err(|what| altered(format!("{}, {what}", member.name)))?;
        } else {
            member.text = content.to_vec();
        }
        report.members.push(member);
    }
    Ok(report)
}

fn count_lines(content: &[u8]) -> Result<u64, String> {
    if !content.ends_with(b"\n") {
        return Err("which does not end with a newline".to_owned());
    }
    let mut lines = 0;
    for line in line::lines(content)? {
        lines += 1;
        Line::parse(line).map_err(|what| format!("line {lines}: {what}"))?;
    }
    Ok(lines)
}

/// Calls `each` with every resource of a frame that was verified before.
pub(super) fn each_line<E: From<ReadError>>(
    mut content: &[u8],
    each: &mut impl FnMut(LineRef<'_>) -> Result<(), E>,
) -> Result<(), E> {
    while !content.is_empty() {
        let Some((name, lines)) = member::next(&mut content).map_err(ReadError::altered)? else { break };
        if let Name::Part { resource_type, .. } = &name {
            for line in line::lines(lines).map_err(ReadError::altered)? {
                let line = Line::parse(line).map_err(ReadError::altered)?;
                each(line.as_ref(resource_type))?;
            }
        }
    }
    Ok(())
}
