//! `cargo xtask bench recovery`: time, CPU and memory of backup and restore, beside `sqlite3 .dump | zstd -3`.
//!
//! Every measurement is a process of its own (`crates/recovery/examples/bench_recovery.rs`). The three kinds take turns,
//! so that whatever else the machine does falls on all of them, and the medians are shown.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::build_example;

const MIB: f64 = 1024.0 * 1024.0;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many resources a service has; repeatable.
    #[arg(long = "resources", value_name = "COUNT", default_values_t = [1_000, 10_000, 100_000])]
    sizes: Vec<u64>,
    /// How often each measurement is made.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// What one step took.
#[derive(Clone, Copy, Default)]
struct Measure {
    seconds: f64,
    cpu: f64,
    memory: f64,
    bytes: f64,
}

/// The medians of one size.
struct Row {
    resources: u64,
    pipe: Measure,
    backup: Measure,
    restore: Measure,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    ensure!(args.rounds > 0, "--rounds is at least 1");
    for tool in ["sqlite3", "zstd"] {
        let found = Command::new(tool).arg("--version").output();
        found.with_context(|| format!("{tool} is not installed, and it is what is compared with"))?;
    }
    let program = build_example("evergate-recovery", "bench_recovery")?;
    let mut rows = Vec::new();
    for resources in args.sizes {
        rows.push(measure(&program, resources, args.rounds)?);
    }
    print(&rows, args.rounds);
    Ok(())
}

fn measure(program: &Path, resources: u64, rounds: usize) -> anyhow::Result<Row> {
    let folder = tempfile::tempdir()?;
    let step = |name: &str| -> anyhow::Result<String> {
        let output =
            Command::new(program).arg(name).arg(folder.path()).arg(resources.to_string()).output()?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{name} of {resources} resources failed: {error}");
        Ok(String::from_utf8(output.stdout)?)
    };
    step("fill")?;
    let (mut pipe, mut backup, mut restore) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        pipe.push(parse(&step("pipe")?)?);
        backup.push(parse(&step("backup")?)?);
        restore.push(parse(&step("restore")?)?);
    }
    Ok(Row { resources, pipe: median(&pipe), backup: median(&backup), restore: median(&restore) })
}

fn parse(line: &str) -> anyhow::Result<Measure> {
    let value: serde_json::Value = serde_json::from_str(line)?;
    let number = |name: &str| value[name].as_f64().with_context(|| format!("no {name} in {line}"));
    Ok(Measure {
        seconds: number("seconds")?,
        cpu: number("cpu")?,
        memory: number("memory")?,
        bytes: number("bytes")?,
    })
}

fn median(measures: &[Measure]) -> Measure {
    let middle = |of: fn(&Measure) -> f64| {
        let mut values: Vec<f64> = measures.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Measure {
        seconds: middle(|measure| measure.seconds),
        cpu: middle(|measure| measure.cpu),
        memory: middle(|measure| measure.memory),
        bytes: middle(|measure| measure.bytes),
    }
}

#[expect(clippy::print_stdout, reason = "the table is what was asked for")]
fn print(rows: &[Row], rounds: usize) {
    println!("Medians of {rounds}; time and CPU in seconds, memory at its peak and file size in MiB.\n");
    println!(
        "{:>10}  {:<22} {:>8} {:>8} {:>8} {:>8}  beside",
        "resources", "", "time", "CPU", "memory", "file"
    );
    for row in rows {
        let line = |what: &str, measure: &Measure, beside: String| {
            println!(
                "{:>10}  {what:<22} {:>8.3} {:>8.3} {:>8.1} {:>8.2}  {beside}",
                row.resources,
                measure.seconds,
                measure.cpu,
                measure.memory / MIB,
                measure.bytes / MIB
            );
        };
        line("sqlite3 | zstd -3", &row.pipe, String::new());
        line("backup", &row.backup, format!("{:.2} of the pipe", row.backup.seconds / row.pipe.seconds));
        line(
            "restore",
            &row.restore,
            format!("{:.2} of the backup", row.restore.seconds / row.backup.seconds),
        );
    }
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return };
    let aim = |what: &str, ratio: f64, limit: f64| {
        let verdict = if ratio <= limit { "held" } else { "MISSED" };
        println!("{verdict}: {what}: {ratio:.2}, aim {limit:.2}");
    };
    println!();
    aim("time of the largest backup beside the pipe", last.backup.seconds / last.pipe.seconds, 1.0);
    aim("time of the largest restore beside its backup", last.restore.seconds / last.backup.seconds, 4.0);
    let grown = (last.backup.memory.max(last.restore.memory) - first.backup.memory) / MIB;
    println!(
        "memory grew by {grown:.0} MiB from {} to {} resources; transfers hold a few parts of 8 MiB and no more",
        first.resources, last.resources
    );
}
