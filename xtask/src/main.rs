//! Set-up, demo, tests, benchmarks and checks.
//!
//! This program is small so that it starts at once. The demo and the benchmarks are in `lab`, which is
//! built when it is asked for.

mod check;
mod clients;
mod run;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Set-up, demo, tests, benchmarks and checks.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything that must pass: format, lints, checks, all tests.
    Test(test::Args),
    /// Licences, edges between crates, and house rules; a second's work.
    Check,
    /// Installs the clients that end-to-end tests drive.
    Clients,
    /// Loses a region and brings its service back in another.
    Demo(Lab),
    /// Measures recovery or the gateway.
    Bench(Lab),
}

#[derive(clap::Args)]
struct Lab {
    /// Builds with optimisation; benchmarks always do.
    #[arg(long)]
    release: bool,
    /// What `lab` takes; `--help` tells.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

#[expect(clippy::print_stderr, reason = "this is where the program reports failure")]
fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Test(args) => test::run(&args),
        Command::Check => check::run(),
        Command::Clients => clients::install(),
        Command::Demo(lab) => run::lab("demo", lab.release, &lab.arguments),
        Command::Bench(lab) => run::lab("bench", true, &lab.arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
