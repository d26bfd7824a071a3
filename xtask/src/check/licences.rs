//! Every dependency comes under a licence that an Apache-2.0 product may carry.

use cargo_metadata::{Metadata, Package};
use spdx::{Expression, ParseMode};

/// Licences that ask for no more than their own text.
const ALLOWED: [&str; 15] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

pub(super) fn findings(metadata: &Metadata) -> Vec<String> {
    metadata.packages.iter().filter_map(finding).collect()
}

fn finding(package: &Package) -> Option<String> {
    let Some(licence) = &package.license else {
        return Some(format!("{} {} names no licence", package.name, package.version));
    };
    let Ok(expression) = Expression::parse_mode(licence, ParseMode::LAX) else {
        return Some(format!("{}: the licence '{licence}' is no SPDX expression", package.name));
    };
    let allowed = expression.evaluate(|licence| ALLOWED.contains(&licence.to_string().as_str()));
    (!allowed).then(|| format!("{}: the licence '{licence}' is not on the list", package.name))
}
