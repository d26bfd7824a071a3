//! `cargo xtask bench recovery`.

#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("`bench recovery` is not built yet")
}
