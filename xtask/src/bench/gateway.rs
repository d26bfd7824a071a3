//! `cargo xtask bench gateway`: requests per CPU-second and 99th percentile beside nginx as a reverse
//! proxy, and requests that fail while snapshots are swapped.
//!
//! Both proxies have one worker on the same core and the same upstream; load generator and upstream
//! share another core. They take turns, so that whatever else the machine does falls on both. Both keep
//! connections and add `X-Forwarded-For`; ours also finds one of a thousand operations, checks a
//! subscription key, runs a `set-header` policy and counts.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::build_example;

/// Our requests per CPU-second beside nginx's.
const AIM: f64 = 0.95;
const KEY: &str = "Ocp-Apim-Subscription-Key: 0123456789abcdef0123456789abcdef";
const PATH: &str = "/a7/things3/42?q=1";
/// The size of an answer: that of a small JSON document.
const ANSWER: usize = 1000;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often each proxy is measured.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long a measurement takes, in seconds.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Connections of the load generator.
    #[arg(long, default_value_t = 64)]
    connections: usize,
}

/// What one measurement found.
#[derive(Debug, Clone, Copy, Default)]
struct Measure {
    per_cpu_second: f64,
    per_second: f64,
    /// In milliseconds.
    p99: f64,
    requests: u64,
    failed: u64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(args.rounds > 0 && args.seconds > 0, "--rounds and --seconds are at least 1");
    install()?;
    let program = build_example("evergate-gateway", "bench_gateway")?;
    let folder = tempfile::tempdir()?;
    let answer = format!("{{\"things\": \"{}\"}}", "x".repeat(ANSWER));
    let upstream = Nginx::start(&folder.path().join("upstream"), 1, |port| {
        format!("server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 '{answer}'; }} }}")
    })?;
    let proxy = Nginx::start(&folder.path().join("proxy"), 0, |port| {
        format!(
            "upstream u {{ server 127.0.0.1:{}; keepalive 256; keepalive_requests 100000000; }}
             server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection '';
                      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }}",
            upstream.address.port()
        )
    })?;
    let mut ours = Gateway::start(&program, upstream.address)?;
    let (mut nginx_rounds, mut our_rounds) = (Vec::new(), Vec::new());
    load(args, proxy.address, proxy.worker, 1)?;
    load(args, ours.address, ours.child.id(), 1)?;
    for _ in 0..args.rounds {
        nginx_rounds.push(load(args, proxy.address, proxy.worker, args.seconds)?);
        our_rounds.push(load(args, ours.address, ours.child.id(), args.seconds)?);
    }
    let swapped = swap_under_load(args, &mut ours)?;
    report(median(&nginx_rounds), median(&our_rounds), swapped, args)
}

/// Installs what is compared with and what makes the load, on a Debian system that lacks them.
fn install() -> anyhow::Result<()> {
    let missing: Vec<&str> = ["nginx", "wrk"]
        .into_iter()
        .filter(|tool| {
            Command::new(tool).arg("-v").stderr(Stdio::null()).stdout(Stdio::null()).status().is_err()
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let status = Command::new("apt-get")
        .args(["install", "--yes", "--no-install-recommends"])
        .args(&missing)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .with_context(|| format!("{} must be installed by hand here", missing.join(" and ")))?;
    ensure!(
        status.success(),
        "{} could not be installed: run apt-get update, or install by hand",
        missing.join(" and ")
    );
    Ok(())
}

/// Pins a command to one core, modulo the cores there are.
fn pinned(core: usize, program: &str) -> Command {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut command = Command::new("taskset");
    command.args(["-c", &(core % cores).to_string(), program]);
    command
}

/// An nginx with one worker.
struct Nginx {
    child: Child,
    worker: u32,
    address: SocketAddr,
}

impl Nginx {
    fn start(folder: &Path, core: usize, server: impl Fn(u16) -> String) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let file = folder.join("nginx.conf");
        let text = format!(
            "worker_processes 1; daemon off; pid {0}/pid; error_log {0}/error.log warn;
             events {{ worker_connections 8192; }}
             http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {0}; proxy_temp_path {0};
                     fastcgi_temp_path {0}; uwsgi_temp_path {0}; scgi_temp_path {0}; {1} }}",
            folder.display(),
            server(port)
        );
        std::fs::write(&file, text)?;
        let child = pinned(core, "nginx").arg("-p").arg(folder).arg("-c").arg(&file).spawn()?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut nginx = Self { worker: child.id(), child, address };
        wait_for(address)?;
        let children = format!("/proc/{0}/task/{0}/children", nginx.child.id());
        let children = std::fs::read_to_string(children)?;
        nginx.worker = children.split_whitespace().next().context("nginx has no worker")?.parse()?;
        Ok(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its workers when it is asked to, not when it is killed.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

/// Our gateway, alone.
struct Gateway {
    child: Child,
    swap: ChildStdin,
    address: SocketAddr,
}

impl Gateway {
    fn start(program: &Path, upstream: SocketAddr) -> anyhow::Result<Self> {
        let mut child = pinned(0, &program.display().to_string())
            .args([upstream.to_string(), "1".to_owned()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let swap = child.stdin.take().context("no standard input")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no standard output")?).read_line(&mut line)?;
        let address = line.trim().parse().context("the gateway did not start")?;
        Ok(Self { child, swap, address })
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for(address: SocketAddr) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(address).is_err() {
        ensure!(Instant::now() < until, "nothing listens on {address}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// User and system time of a process, in seconds.
fn cpu(process: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields = stat.rsplit_once(')').context("an odd /proc/PID/stat")?.1;
    let mut ticks = fields.split_whitespace().skip(11).map_while(|field| field.parse::<f64>().ok());
    let used = ticks.next().zip(ticks.next()).context("an odd /proc/PID/stat")?;
    // Linux counts in hundredths of a second for user space, whatever the kernel's own clock.
    Ok((used.0 + used.1) / 100.0)
}

fn load(args: &Args, address: SocketAddr, process: u32, seconds: u64) -> anyhow::Result<Measure> {
    let before = cpu(process)?;
    let output = pinned(1, "wrk")
        .args(["-t1", &format!("-c{}", args.connections), &format!("-d{seconds}s"), "--latency", "-H", KEY])
        .arg(format!("http://{address}{PATH}"))
        .output()?;
    let used = cpu(process)? - before;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk failed: {}", String::from_utf8_lossy(&output.stderr));
    parse(&text, used).with_context(|| format!("wrk said something new:\n{text}"))
}

#[expect(clippy::cast_precision_loss, reason = "requests of a few seconds")]
fn parse(text: &str, cpu: f64) -> Option<Measure> {
    let line = |start: &str| text.lines().map(str::trim).find_map(|line| line.strip_prefix(start));
    let requests: u64 =
        text.lines().find(|line| line.contains(" requests in "))?.split_whitespace().next()?.parse().ok()?;
    let refused: u64 =
        line("Non-2xx or 3xx responses:").map_or(Some(0), |count| count.trim().parse().ok())?;
    let errors: u64 = line("Socket errors:").map_or(0, |errors| {
        errors.split(|c: char| !c.is_ascii_digit()).filter_map(|count| count.parse::<u64>().ok()).sum()
    });
    Some(Measure {
        per_cpu_second: requests as f64 / cpu.max(0.01),
        per_second: line("Requests/sec:")?.trim().parse().ok()?,
        p99: milliseconds(line("99%")?.trim())?,
        requests,
        failed: refused + errors,
    })
}

fn milliseconds(text: &str) -> Option<f64> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let value: f64 = text[..unit].parse().ok()?;
    Some(match &text[unit..] {
        "us" => value / 1e3,
        "ms" => value,
        "s" => value * 1e3,
        _ => return None,
    })
}

/// Swaps the snapshot twenty times a second while requests are made.
fn swap_under_load(args: &Args, ours: &mut Gateway) -> anyhow::Result<(Measure, usize)> {
    let (address, process) = (ours.address, ours.child.id());
    std::thread::scope(|scope| {
        let load = scope.spawn(move || load(args, address, process, args.seconds));
        let mut swaps = 0;
        while !load.is_finished() {
            writeln!(ours.swap, "swap")?;
            swaps += 1;
            std::thread::sleep(Duration::from_millis(50));
        }
        let measure = load.join().map_err(|_| anyhow::anyhow!("the load generator's thread failed"))??;
        Ok((measure, swaps))
    })
}

fn median(measures: &[Measure]) -> Measure {
    let middle = |of: fn(&Measure) -> f64| {
        let mut values: Vec<f64> = measures.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Measure {
        per_cpu_second: middle(|measure| measure.per_cpu_second),
        per_second: middle(|measure| measure.per_second),
        p99: middle(|measure| measure.p99),
        requests: measures.iter().map(|measure| measure.requests).sum(),
        failed: measures.iter().map(|measure| measure.failed).sum(),
    }
}

#[expect(clippy::print_stdout, reason = "the table is what was asked for")]
fn report(nginx: Measure, ours: Measure, swapped: (Measure, usize), args: &Args) -> anyhow::Result<()> {
    println!(
        "Medians of {} rounds of {} s, {} connections, one worker each on the same core.\n",
        args.rounds, args.seconds, args.connections
    );
    println!("{:<10} {:>18} {:>12} {:>10} {:>8}", "", "requests/CPU-s", "requests/s", "p99 ms", "failed");
    for (name, measure) in [("nginx", nginx), ("evergate", ours)] {
        let Measure { per_cpu_second, per_second, p99, failed, .. } = measure;
        println!("{name:<10} {per_cpu_second:>18.0} {per_second:>12.0} {p99:>10.2} {failed:>8}");
    }
    let (under_swaps, swaps) = swapped;
    println!(
        "\n{} of {} requests failed while {swaps} snapshots were swapped",
        under_swaps.failed, under_swaps.requests
    );
    let ratio = ours.per_cpu_second / nginx.per_cpu_second;
    let verdict = if ratio >= AIM { "held" } else { "MISSED" };
    println!("{verdict}: requests per CPU-second beside nginx: {ratio:.2}, aim {AIM:.2}");
    ensure!(ours.failed + under_swaps.failed == 0, "requests failed");
    Ok(())
}
