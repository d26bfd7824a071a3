//! How backups are printed: tables for people, JSON for programs.

use comfy_table::{Table, presets};
use evergate_archive::{Header, Manifest};
use evergate_recovery::{Finding, Listed};
use indicatif::HumanBytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::globals::Output;

pub(super) fn list(listed: &[Listed], now: Timestamp, output: Output) -> anyhow::Result<String> {
    if output == Output::Json {
        let all: Vec<Value> = listed.iter().map(|listed| listed_json(listed, now)).collect();
        return Ok(serde_json::to_string_pretty(&all)?);
    }
    if listed.is_empty() {
        return Ok("The container is empty.".to_owned());
    }
    let mut table = plain_table();
    table.set_header(["NAME", "SERVICE", "SKU", "REGION", "CREATED", "EXPIRES", "SIZE", "RECOVERY KEY"]);
    let mut unreadable = Vec::new();
    for Listed { entry, header } in listed {
        let size = HumanBytes(entry.bytes).to_string();
        match header {
            Ok(header) => table.add_row([
                entry.name.clone(),
                header.service.clone(),
                header.sku_name.clone(),
                header.location.clone(),
                minute(header.created_at),
                expiry(header.expires_at, now),
                size,
                keys(header),
            ]),
            Err(error) => {
                unreadable.push(format!("{}: {error}", entry.name));
                let unknown = || "-".to_owned();
                table.add_row([
                    entry.name.clone(),
                    unknown(),
                    unknown(),
                    unknown(),
                    unknown(),
                    unknown(),
                    size,
                    unknown(),
                ])
            }
        };
    }
    let mut text = trimmed(&table);
    if !unreadable.is_empty() {
        text = format!("{text}\n\nNot readable as backups:\n  {}", unreadable.join("\n  "));
    }
    Ok(text)
}

pub(super) fn header(
    name: &str,
    header: &Header,
    bytes: u64,
    now: Timestamp,
    output: Output,
) -> anyhow::Result<String> {
    if output == Output::Json {
        return Ok(serde_json::to_string_pretty(&header_json(name, header, bytes, now))?);
    }
    Ok(facts(&header_facts(name, header, bytes, now)))
}

pub(super) fn finding(
    name: &str,
    finding: &Finding,
    now: Timestamp,
    output: Output,
) -> anyhow::Result<String> {
    let (proved, open) = proof(finding, now);
    if output == Output::Json {
        let mut value = header_json(name, &finding.header, finding.bytes, now);
        value["proved"] = json!(proved);
        value["notProved"] = json!(open);
        if let Some(manifest) = &finding.manifest {
            value["manifest"] = manifest_json(manifest);
        }
        return Ok(serde_json::to_string_pretty(&value)?);
    }
    let mut text = facts(&header_facts(name, &finding.header, finding.bytes, now));
    if let Some(manifest) = &finding.manifest {
        let counts: Vec<String> =
            manifest.counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let more = [
            ("Service id", manifest.service.clone()),
            ("Revision", manifest.revision.to_string()),
            ("Resources", format!("{} ({})", manifest.resources(), counts.join(", "))),
            ("Made by", manifest.producer.clone()),
        ];
        text = format!("{text}\n{}", facts(&more));
    }
    for line in &proved {
        text = format!("{text}\n  proved      {line}");
    }
    for line in &open {
        text = format!("{text}\n  not proved  {line}");
    }
    Ok(text)
}

/// What a check that found nothing wrong does and does not show.
fn proof(finding: &Finding, now: Timestamp) -> (Vec<String>, Vec<String>) {
    let header = &finding.header;
    let mut proved = vec![
        format!("the file is whole: all {} bytes are as they were written", finding.bytes),
        "the header belongs to this file and was not changed".to_owned(),
    ];
    let mut open = Vec::new();
    match &finding.manifest {
        Some(manifest) => {
            if header.sealed {
                proved.push("the given recovery key opens it".to_owned());
            }
            proved.push(format!(
                "every one of the {} resources can be read, and they are the ones the manifest counts",
                manifest.resources()
            ));
        }
        None => {
            open.push(format!("what is inside: that takes the recovery key {}", header.key_ids.join(" or ")));
        }
    }
    if now < header.expires_at {
        proved.push(format!(
            "it can be restored until {} into a service with SKU {}",
            minute(header.expires_at),
            header.sku_name
        ));
    } else {
        open.push(format!("that it can be restored: it expired at {}", minute(header.expires_at)));
    }
    if header.sealed {
        open.push("who made it: whoever knows the public half of the key can seal a backup".to_owned());
    } else {
        open.push("who made it, and that nobody read it: it is not sealed".to_owned());
    }
    (proved, open)
}

fn header_facts(name: &str, header: &Header, bytes: u64, now: Timestamp) -> Vec<(&'static str, String)> {
    vec![
        ("Backup", name.to_owned()),
        ("Service", header.service.clone()),
        ("Region", header.location.clone()),
        ("SKU", format!("{} ({})", header.sku_name, header.sku_capacity)),
        ("Created", header.created_at.to_string()),
        ("Expires", expiry(header.expires_at, now)),
        ("Size", format!("{} ({bytes} bytes)", HumanBytes(bytes))),
        ("Recovery key", keys(header)),
        ("Format", header.format_version.to_string()),
    ]
}

fn header_json(name: &str, header: &Header, bytes: u64, now: Timestamp) -> Value {
    json!({
        "name": name,
        "bytes": bytes,
        "service": header.service,
        "location": header.location,
        "sku": { "name": header.sku_name, "capacity": header.sku_capacity },
        "createdAt": header.created_at.to_string(),
        "expiresAt": header.expires_at.to_string(),
        "expired": now >= header.expires_at,
        "sealed": header.sealed,
        "keyIds": header.key_ids,
        "formatVersion": header.format_version,
    })
}

fn listed_json(listed: &Listed, now: Timestamp) -> Value {
    let Listed { entry, header } = listed;
    let mut value = match header {
        Ok(header) => header_json(&entry.name, header, entry.bytes, now),
        Err(error) => json!({ "name": entry.name, "bytes": entry.bytes, "error": error.to_string() }),
    };
    value["modifiedAt"] = json!(entry.modified_at.to_string());
    value
}

fn manifest_json(manifest: &Manifest) -> Value {
    let counts: serde_json::Map<String, Value> =
        manifest.counts.iter().map(|(kind, count)| (kind.clone(), json!(count))).collect();
    json!({
        "service": manifest.service,
        "revision": manifest.revision,
        "resources": manifest.resources(),
        "counts": counts,
        "producer": manifest.producer,
    })
}

fn keys(header: &Header) -> String {
    if header.sealed { header.key_ids.join(", ") } else { "not sealed".to_owned() }
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}

fn expiry(expires_at: Timestamp, now: Timestamp) -> String {
    let at = minute(expires_at);
    if now < expires_at { at } else { format!("{at} (expired)") }
}

fn facts(facts: &[(&str, String)]) -> String {
    let mut table = plain_table();
    for (name, value) in facts {
        table.add_row([*name, value.as_str()]);
    }
    trimmed(&table)
}

/// Columns and nothing around them, so that output can be cut and compared.
fn plain_table() -> Table {
    let mut table = Table::new();
    *table.style_mut() = presets::NOTHING;
    table
}

fn trimmed(table: &Table) -> String {
    table
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn sample(sealed: bool) -> Header {
        Header {
            format_version: 1,
            service: "shop".to_owned(),
            location: "west".to_owned(),
            sku_name: "Developer".to_owned(),
            sku_capacity: 1,
            created_at: at("2026-11-23T12:00:00Z"),
            expires_at: at("2026-12-23T12:00:00Z"),
            key_ids: if sealed { vec!["0123456789abcdef".to_owned()] } else { Vec::new() },
            sealed,
        }
    }

    fn check(sealed: bool, now: &str, not_proved: &[&str]) {
        let finding = Finding { header: sample(sealed), manifest: None, bytes: 9000 };
        let (proved, open) = proof(&finding, at(now));
        assert!(proved[0].contains("all 9000 bytes"), "{proved:?}");
        for words in not_proved {
            assert!(open.iter().any(|line| line.contains(words)), "{words}: {open:?}");
        }
    }

    #[test]
    fn a_check_does_not_claim_what_it_cannot_show() {
        check(true, "2026-11-24T00:00:00Z", &["the recovery key 0123456789abcdef", "who made it"]);
        check(true, "2026-12-23T12:00:00Z", &["it expired at 2026-12-23 12:00Z"]);
        check(false, "2026-11-24T00:00:00Z", &["it is not sealed"]);
    }

    #[test]
    fn a_listing_names_what_is_no_backup() {
        let entry = |name: &str| evergate_recovery::storage::Entry {
            name: name.to_owned(),
            bytes: 2048,
            modified_at: at("2026-11-23T12:00:00Z"),
        };
        let listed = [
            Listed { entry: entry("b1"), header: Ok(sample(false)) },
            Listed { entry: entry("notes"), header: Err(evergate_archive::ReadError::NotABackup.into()) },
        ];
        insta::assert_snapshot!(list(&listed, at("2026-12-24T00:00:00Z"), Output::Table).unwrap(), @r"
        NAME   SERVICE  SKU        REGION  CREATED            EXPIRES                      SIZE      RECOVERY KEY
        b1     shop     Developer  west    2026-11-23 12:00Z  2026-12-23 12:00Z (expired)  2.00 KiB  not sealed
        notes  -        -          -       -                  -                            2.00 KiB  -

        Not readable as backups:
          notes: this is not an Evergate backup: check the container and the backup name
        ");
    }
}
