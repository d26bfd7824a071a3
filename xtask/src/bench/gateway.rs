//! `cargo xtask bench gateway`.

#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("`bench gateway` is not built yet")
}
