//! What no compiler checks: licences, edges between crates, and the rules of the house.

mod edges;
mod files;
mod licences;

use anyhow::{Context as _, bail};
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand, Package};

use crate::run::repository;

/// Finds everything that is wrong, and fails if anything is.
#[expect(clippy::print_stderr, reason = "it reports what it finds")]
pub(crate) fn run() -> anyhow::Result<()> {
    let mut command = MetadataCommand::new();
    command.current_dir(repository()).features(CargoOpt::AllFeatures);
    let metadata = command.exec().context("cargo metadata")?;
    let mut findings = licences::findings(&metadata);
    findings.extend(edges::findings(&metadata));
    findings.extend(files::findings(&metadata)?);
    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings", findings.len());
    }
    Ok(())
}

/// The packages of this repository.
fn own_packages(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    metadata.packages.iter().filter(|package| metadata.workspace_members.contains(&package.id))
}
