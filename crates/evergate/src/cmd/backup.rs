//! `evergate backup`.

use std::process::ExitCode;

use crate::globals::Globals;

#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(_args: Args, _globals: &Globals) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`backup` is not built yet")
}
