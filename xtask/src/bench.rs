//! Benchmarks, one file each.

mod gateway;
mod recovery;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(clap::Subcommand)]
enum Benchmark {
    /// Requests per CPU-second beside nginx.
    Gateway(gateway::Args),
    /// Time, CPU and memory of backup and restore.
    Recovery(recovery::Args),
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match args.benchmark {
        Benchmark::Gateway(args) => gateway::run(&args),
        Benchmark::Recovery(args) => recovery::run(args),
    }
}

/// Builds the example program that is measured, which lands beside this program.
fn build_example(package: &str, example: &str) -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--package", package, "--example", example])
        .status()?;
    ensure!(status.success(), "the example {example} cannot be built");
    let own = std::env::current_exe()?;
    Ok(own.parent().context("this program is in no folder")?.join("examples").join(example))
}
