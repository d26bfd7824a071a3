//! Resource names of operations: readable, within the length a name may have, unique without case.

use std::collections::HashSet;

/// Four less than a resource name may have: room for `-999`.
const LONGEST: usize = 76;

/// The names that an import has given out.
#[derive(Default)]
pub(super) struct Ids {
    taken: HashSet<String>,
}

impl Ids {
    /// The `operationId`, or method and path where there is none, as a free name.
    pub(super) fn take(&mut self, operation_id: Option<&str>, method: &str, path: &str) -> String {
        let wanted = operation_id.map(slug).filter(|name| !name.is_empty());
        let wanted = wanted.unwrap_or_else(|| slug(&format!("{method} {path}")));
        let mut name = wanted.clone();
        let mut number = 0_u32;
        while !self.taken.insert(name.to_ascii_lowercase()) {
            number += 1;
            name = format!("{wanted}-{number}");
        }
        name
    }
}

/// Runs of anything but letters and digits become one hyphen.
fn slug(text: &str) -> String {
    let mut name = String::with_capacity(text.len().min(LONGEST));
    for character in text.chars() {
        if name.len() >= LONGEST {
            break;
        }
        if character.is_ascii_alphanumeric() {
            name.push(character);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    name.truncate(name.trim_end_matches('-').len());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_readable_and_unique() {
        let mut ids = Ids::default();
        let mut check = |id: Option<&str>, method: &str, path: &str, name: &str| {
            assert_eq!(ids.take(id, method, path), name);
        };
        check(Some("listPets"), "get", "/pets", "listPets");
        check(Some("ListPets"), "get", "/pets2", "ListPets-1");
        check(Some("repos/get-content"), "get", "/x", "repos-get-content");
        check(Some("*#&+:<>?"), "get", "/pets/{petId}", "get-pets-petId");
        check(None, "get", "/pets/{petId}", "get-pets-petId-1");
        check(None, "post", "/", "post");
        check(Some(&"x".repeat(200)), "get", "/x", &"x".repeat(76));
        check(Some(&"x".repeat(201)), "get", "/x", &format!("{}-1", "x".repeat(76)));
    }
}
