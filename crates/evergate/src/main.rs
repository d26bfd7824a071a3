//! API Management that survives the loss of its region.

mod client;
mod cmd;
mod config;
mod globals;
mod publisher;
mod serve;

use std::process::ExitCode;

use clap::Parser;

/// API Management that survives the loss of its region.
#[derive(Parser)]
#[command(name = "evergate", version, about, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    globals: globals::Globals,
    #[command(subcommand)]
    command: cmd::Command,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cmd::run(cli.command, &cli.globals) {
        Ok(code) => code,
        Err(error) => globals::report(&error),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
