//! What `backup` and `restore` print when they are done.

use std::time::Duration;

use serde_json::{Value, json};

use super::{OperationArgs, Verb};
use crate::cmd::backup::print_line;
use crate::globals::Output;

pub(super) fn accepted(
    verb: Verb,
    args: &OperationArgs,
    location: &str,
    output: Output,
) -> anyhow::Result<()> {
    match output {
        Output::Json => {
            let value = json!({ "status": "Accepted", "location": location });
            print_line(&serde_json::to_string_pretty(&value)?)
        }
        Output::Table => print_line(&format!(
            "The {} of '{}' was accepted; poll {location}",
            verb.word(),
            args.service.name()
        )),
    }
}

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
            print_line(&serde_json::to_string_pretty(&value)?)
        }
        Output::Table => print_line(&lines(verb, args, details, elapsed).join("\n")),
    }
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
                lines.push(format!("Changed meanwhile and not in it ({later}):"));
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
                lines.push(format!("Changed after that and superseded ({superseded}):"));
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
            format!("  revision {:<6} {kind:<8} {path}", change["revision"].to_string())
        })
        .collect();
    let rest = report["count"].as_u64().unwrap_or_default().saturating_sub(named.len() as u64);
    if rest > 0 {
        lines.push(format!("  and {rest} more"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_counted_and_the_first_ones_named() {
        let report = json!({
            "count": 3,
            "changes": [
                { "revision": 7, "kind": "put", "path": "/apis/pets" },
                { "revision": 12, "kind": "service", "path": null },
            ],
        });
        assert_eq!(
            changes(&report),
            [
                "  revision 7      put      /apis/pets",
                "  revision 12     service  the service itself",
                "  and 1 more",
            ]
        );
        assert!(changes(&Value::Null).is_empty());
    }
}
