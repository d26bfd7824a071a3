//! `evergate completions`.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The shell to complete for.
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    clap_complete::generate(args.shell, &mut crate::Cli::command(), "evergate", &mut std::io::stdout());
    ExitCode::SUCCESS
}
