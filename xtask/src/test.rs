//! Everything that must pass before a change lands.

use std::thread;

use anyhow::anyhow;

use crate::run::{cargo, succeed};
use crate::{check, clients};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only tests whose names contain this, and nothing but tests.
    filter: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    // The clients come over the network while this machine compiles.
    let clients = thread::spawn(clients::install);
    if args.filter.is_none() {
        succeed(cargo().args(["fmt", "--all", "--check"]))?;
        check::run()?;
        succeed(cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ]))?;
    }
    succeed(cargo().args(["build", "--workspace", "--all-features", "--bin", "evergate"]))?;
    clients.join().map_err(|_| anyhow!("the installation of the clients panicked"))??;
    let mut test = cargo();
    test.args(["test", "--workspace", "--all-features", "--lib", "--bins", "--tests"]);
    test.args(args.filter.iter());
    succeed(&mut test)
}
