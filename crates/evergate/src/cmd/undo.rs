//! `evergate undo`.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;

use super::backup::operation::ServiceArgs;
use super::backup::print_line;
use crate::client::Client;
use crate::client::error::Usage;
use crate::globals::{Globals, Output};

/// Undoes the last restore of a service.
///
/// Brings back the configuration that was served before the restore, in one step. What is served now is kept
/// in its place, so that an undo can be undone. The plan is printed first, and applied as it was printed or not
/// at all.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    evergate undo -g rg1 -n shop\n  \
    evergate undo -g rg1 -n shop --plan -o json\n  \
    evergate undo -g rg1 -n shop --yes")]
pub(crate) struct Args {
    #[command(flatten)]
    service: ServiceArgs,
    /// Do not ask.
    #[arg(long, short = 'y')]
    yes: bool,
    /// Print the plan and do nothing.
    #[arg(long, conflicts_with = "yes")]
    plan: bool,
}

#[expect(clippy::print_stderr, reason = "the plan is for people")]
pub(crate) async fn run(args: Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let mut client = Client::connect(globals).await?;
    let path = args.service.path(&mut client, "undoRestore").await?;
    let plan = client.get(&path).await?;
    let description = plan["description"].as_str().unwrap_or_default();
    if args.plan {
        match globals.output {
            Output::Json => print_line(&serde_json::to_string_pretty(&plan)?)?,
            Output::Table => print_line(description)?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    // Programs read standard output, people standard error.
    eprintln!("{description}");
    if !args.yes && !confirmed()? {
        eprintln!("Nothing was changed.");
        return Ok(ExitCode::FAILURE);
    }
    let service = client.post(&path, &json!({ "revision": plan["revision"] })).await?.body;
    match globals.output {
        Output::Json => {
            print_line(&serde_json::to_string_pretty(&json!({ "plan": plan, "service": service }))?)?;
        }
        Output::Table => print_line("Undone. `evergate undo` again brings back what was undone.")?,
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stderr, reason = "a question to the person at the terminal")]
fn confirmed() -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        let message = "nobody can be asked here: look at the plan with --plan, then give --yes";
        return Err(Usage(message.to_owned()).into());
    }
    eprint!("Apply this plan? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("the answer could not be read")?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
