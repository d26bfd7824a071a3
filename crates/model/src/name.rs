//! Names of the things around a service, checked when they are made.

use std::fmt;

/// A name that breaks its rule; the message says which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} '{value}' is not valid: {rule}")]
pub struct InvalidName {
    /// What was being named.
    pub what: &'static str,
    /// What was given.
    pub value: String,
    /// The rule it breaks, in words.
    pub rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $type(String);

        impl $type {
            /// Checks and wraps a name.
            pub fn new(value: impl Into<String>) -> Result<Self, InvalidName> {
                let value = value.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&value) {
                    Ok(Self(value))
                } else {
                    Err(InvalidName { what: $what, value, rule: $rule })
                }
            }

            /// The name as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The form two names are compared by: resource-manager names ignore case.
            pub fn key(&self) -> String {
                self.0.to_ascii_lowercase()
            }
        }

        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                self.0.eq_ignore_ascii_case(&other.0)
            }
        }

        impl Eq for $type {}

        impl std::hash::Hash for $type {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.key().hash(state);
            }
        }

        impl PartialOrd for $type {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $type {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.key().cmp(&other.key())
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// An API Management service's name: globally unique, because it is also a host name.
    ServiceName,
    "service name",
    "it takes 1 to 50 letters, digits and hyphens, begins with a letter and ends with a letter or digit",
    |name| {
        let bytes = name.as_bytes();
        (1..=50).contains(&bytes.len())
            && bytes[0].is_ascii_alphabetic()
            && bytes[bytes.len() - 1].is_ascii_alphanumeric()
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
    }
);

name!(
    /// A resource group's name, unique in its subscription.
    ResourceGroupName,
    "resource group name",
    "it takes 1 to 90 letters, digits, and the characters . _ - ( ), and does not end with a period",
    |name| {
        (1..=90).contains(&name.chars().count())
            && !name.ends_with('.')
            && name.chars().all(|c| c.is_alphanumeric() || "._-()".contains(c))
    }
);

name!(
    /// The id of the subscription that owns resource groups: a GUID.
    SubscriptionId,
    "subscription id",
    "it is a GUID such as 00000000-0000-0000-0000-000000000000",
    |name| {
        name.len() == 36
            && name.bytes().enumerate().all(|(i, b)| match i {
                8 | 13 | 18 | 23 => b == b'-',
                _ => b.is_ascii_hexdigit(),
            })
    }
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check<T>(make: fn(&str) -> Result<T, InvalidName>, valid: &[&str], invalid: &[&str]) {
        for name in valid {
            assert!(make(name).is_ok(), "{name:?}");
        }
        for name in invalid {
            assert!(make(name).is_err_and(|error| error.value == *name), "{name:?}");
        }
    }

    #[test]
    fn names_keep_their_rules() {
        let long = "a".repeat(51);
        check(
            |name| ServiceName::new(name),
            &["a", "A1", "contoso-2", &long[..50]],
            &["", "1a", "-a", "a-", "a_b", "a.b", "é", "a b", &long],
        );
        let long = "é".repeat(91);
        check(
            |name| ResourceGroupName::new(name),
            &["rg", "_", "(1).-x", "Gruppe-ä", &long[..180]],
            &["", "a.", "a/b", "a b", "a;b", &long],
        );
        check(
            |name| SubscriptionId::new(name),
            &["00000000-0000-0000-0000-00000000000a", "ABCDEFAB-0000-0000-0000-000000000000"],
            &["", "0", "00000000-0000-0000-0000-00000000000g", "000000000-000-0000-0000-000000000000"],
        );
    }

    #[test]
    fn names_compare_without_case_and_keep_it() {
        let (one, other) = (ServiceName::new("Contoso").unwrap(), ServiceName::new("cONTOSO").unwrap());
        assert_eq!(one, other);
        assert_eq!(one.cmp(&other), std::cmp::Ordering::Equal);
        assert_eq!((one.as_str(), one.key()), ("Contoso", other.key()));
    }

    proptest! {
        #[test]
        fn a_name_is_what_was_given_or_refused(text in any::<String>()) {
            if let Ok(name) = ServiceName::new(text.clone()) {
                prop_assert_eq!(name.as_str(), &text);
                prop_assert!(text.len() <= 50 && text.is_ascii());
            }
            if let Ok(name) = ResourceGroupName::new(text.clone()) {
                prop_assert!(!name.as_str().contains('/'));
            }
        }
    }
}
