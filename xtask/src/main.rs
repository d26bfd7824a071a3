//! Set-up, demo, tests, benchmarks and checks.

fn main() {}
