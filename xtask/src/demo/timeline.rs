//! What happened when, for a person who watches.

use std::io::{self, Stdout, Write as _};
use std::time::Instant;

use jiff::SignedDuration;

/// Prints lines with the seconds since the start.
pub(super) struct Timeline {
    started: Instant,
    output: Stdout,
}

impl Timeline {
    pub(super) fn start() -> Self {
        Self { started: Instant::now(), output: io::stdout() }
    }

    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.output, "{:>7.2} s  {text}", self.started.elapsed().as_secs_f64())
    }

    pub(super) fn more(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.output, "           {text}")
    }

    pub(super) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.output)
    }

    pub(super) fn result(&mut self, name: &str, value: SignedDuration, meaning: &str) -> io::Result<()> {
        writeln!(self.output, "  {name:<15} {:>6.2} s  {meaning}", value.as_secs_f64())
    }

    pub(super) fn note(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.output, "  {text}")
    }
}
