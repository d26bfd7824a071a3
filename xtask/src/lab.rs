//! The demo and the benchmarks: what needs the whole product. `cargo xtask` builds and runs it.

mod bench;
mod demo;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The demo and the benchmarks.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Loses a region and brings its service back in another.
    Demo(demo::Args),
    /// Measures recovery or the gateway.
    Bench(bench::Args),
}

#[expect(clippy::print_stderr, reason = "this is where the program reports failure")]
fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Bench(args) => bench::run(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
