//! What `backup` and `restore` print when they are done.

use std::time::Duration;

use serde_json::{Value, json};

use super::{OperationArgs, Verb};
use crate::globals::Output;

#[expect(clippy::print_stdout, reason = "the command's result")]
pub(super) fn accepted(
    verb: Verb,
    args: &OperationArgs,
    location: &str,
    output: Output,
) -> anyhow::Result<()> {
    match output {
        Output::Json => {
            let value = json!({ "status": "Accepted", "location": location });
            println!("{}", serde_json::to_string_pretty(&value)?);
        }
        Output::Table => {
            println!("The {} of '{}' was accepted; poll {location}", verb.word(), args.service.name());
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's result")]
pub(super) fn done(
    verb: Verb,
    args: &OperationArgs,
    service: &Value,
    details: Option<&Value>,
    elapsed: Duration,
    output: Output,
) -> anyhow::Result<()> {
    match output {
        Output::Json => {
            let mut value = json!({
                "status": "Succeeded",
                "seconds": elapsed.as_secs_f64(),
                "service": service,
            });
            if let Some(details) = details {
                value["result"] = details.clone();
            }
            println!("{}", serde_json::to_string_pretty(&value)?);
        }
        Output::Table => {
            for line in lines(verb, args, details, elapsed) {
                println!("{line}");
            }
        }
    }
    Ok(())
}

fn lines(verb: Verb, args: &OperationArgs, details: Option<&Value>, elapsed: Duration) -> Vec<String> {
    let service = args.service.name();
    let backup = format!("{}/{}/{}", args.storage_account, args.container, args.backup_name);
    let seconds = elapsed.as_secs_f64();
    let mut lines = vec![match verb {
        Verb::Backup => format!("Backed '{service}' up to {backup} in {seconds:.1} s."),
        Verb::Restore => format!("Restored '{service}' from {backup} in {seconds:.1} s."),
    }];
    let Some(details) = details else { return lines };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let count = |value: &Value| value["count"].as_u64().unwrap_or_default();
    match verb {
        Verb::Backup => {
            lines.push(format!(
                "It holds {} resources at revision {} and can be restored until {}.",
                details["resources"],
                details["revision"],
                text(&details["expiresAt"])
            ));
            let later = count(&details["changesNotIncluded"]);
            if later > 0 {
                lines.push(format!("{later} changes were made meanwhile; they are not in it:"));
                lines.extend(changes(&details["changesNotIncluded"]));
            }
        }
        Verb::Restore => {
            lines.push(format!(
                "It serves {} resources, the state of {} at revision {} ({}).",
                details["resources"],
                text(&details["backup"]["service"]).rsplit('/').next().unwrap_or_default(),
                details["backup"]["revision"],
                text(&details["backup"]["createdAt"])
            ));
            let superseded = count(&details["changesSuperseded"]);
            if superseded > 0 {
                lines.push(format!("{superseded} later changes were superseded:"));
                lines.extend(changes(&details["changesSuperseded"]));
            }
            lines.push("`evergate undo` brings back what was served before.".to_owned());
        }
    }
    lines
}

/// The changes that a report names; it counts all and names the first ones.
fn changes(report: &Value) -> Vec<String> {
    let named = report["changes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut lines: Vec<String> = named
        .iter()
        .map(|change| {
            let path = change["path"].as_str().unwrap_or("the service itself");
            let kind = change["kind"].as_str().unwrap_or_default();
            format!("  revision {:<6} {kind:<8} {path}", change["revision"])
        })
        .collect();
    let rest = report["count"].as_u64().unwrap_or_default().saturating_sub(named.len() as u64);
    if rest > 0 {
        lines.push(format!("  and {rest} more"));
    }
    lines
}
