//! Which crate may depend on which: only on layers below its own, and never along a forbidden edge.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata};

use super::own_packages;

/// The layers of ARCHITECTURE.md, lowest first.
const LAYERS: [&[&str]; 5] = [
    &["evergate-model", "evergate-archive"],
    &["evergate-store", "evergate-policy", "evergate-identity"],
    &["evergate-gateway", "evergate-recovery"],
    &["evergate-management"],
    &["evergate"],
];

/// Edges that must not exist, not even through another crate, and why.
const FORBIDDEN: [(&str, &str, &str); 2] = [
    ("evergate-gateway", "evergate-store", "traffic survives the loss of the store"),
    ("evergate-archive", "evergate-model", "its bytes outlive the schema"),
];

/// Programs around the product, which may use all of it.
const AROUND: [&str; 2] = ["evergate-tests", "xtask"];

type Edges = BTreeMap<String, BTreeSet<String>>;

pub(super) fn findings(metadata: &Metadata) -> Vec<String> {
    let own: BTreeSet<String> = own_packages(metadata).map(|package| package.name.to_string()).collect();
    let edges: Edges = own_packages(metadata)
        .map(|package| {
            let used = package.dependencies.iter().filter(|used| used.kind != DependencyKind::Development);
            let used = used.map(|used| used.name.clone()).filter(|name| own.contains(name));
            (package.name.to_string(), used.collect())
        })
        .collect();
    check(&edges)
}

fn check(edges: &Edges) -> Vec<String> {
    let mut findings = Vec::new();
    for (from, used) in edges {
        if AROUND.contains(&from.as_str()) {
            continue;
        }
        let Some(layer) = layer(from) else {
            findings.push(format!("{from} is in no layer: add it to ARCHITECTURE.md and to this check"));
            continue;
        };
        for to in used {
            if self::layer(to).is_none_or(|below| below >= layer) {
                findings.push(format!("{from} must not depend on {to}: it is not below it"));
            }
        }
    }
    for (from, to, why) in FORBIDDEN {
        if reaches(edges, from, to) {
            findings.push(format!("{from} must not depend on {to}, not even through another crate: {why}"));
        }
    }
    findings
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

/// The layers have made sure that there is no circle.
fn reaches(edges: &Edges, from: &str, to: &str) -> bool {
    let Some(used) = edges.get(from) else { return false };
    used.iter().any(|next| next == to || (layer(next) < layer(from) && reaches(edges, next, to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_edges(given: &[(&str, &str)], expected: &[&str]) {
        let mut edges = Edges::new();
        for (from, to) in given {
            edges.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        assert_eq!(check(&edges), expected, "{given:?}");
    }

    #[test]
    fn edges_lead_down() {
        check_edges(&[("evergate-store", "evergate-model"), ("evergate", "evergate-store")], &[]);
        check_edges(
            &[("evergate-model", "evergate-store")],
            &["evergate-model must not depend on evergate-store: it is not below it"],
        );
        check_edges(
            &[("new", "evergate-model")],
            &["new is in no layer: add it to ARCHITECTURE.md and to this check"],
        );
    }

    #[test]
    fn forbidden_edges_are_found() {
        check_edges(
            &[("evergate-gateway", "evergate-store")],
            &["evergate-gateway must not depend on evergate-store, not even through another crate: traffic \
             survives the loss of the store"],
        );
    }
}
