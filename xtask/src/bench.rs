//! Benchmarks, one file each.

mod gateway;
mod recovery;

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
