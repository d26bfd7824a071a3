//! The rules of the house that a machine can see: one purpose a crate, said once; files of a readable size.

use std::fs;
use std::process::Command;

use anyhow::Context as _;
use cargo_metadata::Metadata;

use super::own_packages;
use crate::run::repository;

/// Past this a file is two files.
const MOST_LINES: usize = 600;

pub(super) fn findings(metadata: &Metadata) -> anyhow::Result<Vec<String>> {
    let mut findings = purposes(metadata)?;
    let listed = Command::new("git").args(["ls-files", "*.rs"]).current_dir(repository()).output();
    let listed = listed.context("git cannot be run")?.stdout;
    for name in String::from_utf8_lossy(&listed).lines() {
        // A file may be deleted and not yet committed.
        let Ok(text) = fs::read_to_string(repository().join(name)) else { continue };
        findings.extend(file(name, &text));
    }
    Ok(findings)
}

fn file(name: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        findings.push(format!("{name}: {lines} lines; past {MOST_LINES} it is two files"));
    }
    if !text.starts_with("//! ") {
        findings.push(format!("{name}: it does not open by saying what it is for (`//!`)"));
    }
    if name.ends_with("/mod.rs") {
        findings.push(format!("{name}: name it after its folder, beside the folder"));
    }
    findings
}

/// A crate's first line of documentation is its description.
fn purposes(metadata: &Metadata) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    for package in own_packages(metadata) {
        let Some(root) = package.targets.iter().find(|target| target.is_lib()) else {
            let main = package.targets.iter().find(|target| target.name == package.name.as_str());
            findings.extend(main.map(|main| purpose(package, main.src_path.as_str())).transpose()?.flatten());
            continue;
        };
        findings.extend(purpose(package, root.src_path.as_str())?);
    }
    Ok(findings)
}

fn purpose(package: &cargo_metadata::Package, path: &str) -> anyhow::Result<Option<String>> {
    let text = fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))?;
    let first = text.lines().next().unwrap_or_default();
    let said = first.trim_start_matches("//!").trim().trim_end_matches('.').replace('`', "");
    let described = package.description.as_deref().unwrap_or_default();
    Ok((said != described)
        .then(|| format!("{}: the manifest says '{described}', its first line says '{said}'", package.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_it_is_for_and_stays_small() {
        assert!(file("a.rs", "//! Something.\n").is_empty());
        assert_eq!(file("a.rs", "fn x() {}").len(), 1);
        assert_eq!(file("x/mod.rs", "//! x").len(), 1);
        assert_eq!(file("a.rs", &"//! x\n".repeat(601)).len(), 1);
    }
}
