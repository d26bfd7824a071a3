//! The kind table: every kind of configuration resource as a declaration.
//!
//! A [`Kind`] says where its resources stand, how they are named, what properties they have and what
//! follows from writing or deleting one. The management engine, and whatever else walks a configuration,
//! works from these rows only, so that a new kind is one small file here and a line in [`all`].
//! Shapes are those of the newest api-version; older ones are management's business.

mod api;
mod backend;
mod check;
mod group;
mod named_value;
mod operation;
mod policy;
mod product;
mod property;
pub mod service;
mod subscription;
mod user;
mod view;

pub use check::{Accepted, Violation, accept};
pub use property::{Access, Default, OnDelete, Pattern, Property, Reference, Shape};
pub use view::{View, ViewBy, views};

use crate::ResourcePath;

/// A kind of resource.
#[derive(Debug)]
pub struct Kind {
    /// Its collections from the service down: `apis/operations`. The parent kind is the path before the
    /// last segment.
    pub path: &'static str,
    /// What one is called in a message: `API`, `operation`.
    pub title: &'static str,
    /// How its resources are named.
    pub name: NameRule,
    /// What it holds.
    pub body: Body,
    /// What else happens when one is written, read or deleted.
    pub effect: Effect,
}

/// What a resource of a kind holds.
#[derive(Debug, Clone, Copy)]
pub enum Body {
    /// Properties of its own.
    Properties(&'static [Property]),
    /// Nothing: it says that its parent and the resource of the same name in this collection of the
    /// service belong together, and is shown as the latter. It goes when either goes.
    Link(&'static str),
}

/// The rule for a resource's name.
#[derive(Debug, Clone, Copy)]
pub enum NameRule {
    /// Up to this many characters, none of `*#&+:<>?`.
    Free(usize),
    /// This name and no other.
    Only(&'static str),
}

impl NameRule {
    /// Whether a name keeps the rule; otherwise the rule in words.
    pub fn check(self, name: &str) -> Result<(), String> {
        match self {
            Self::Only(only) if name.eq_ignore_ascii_case(only) => Ok(()),
            Self::Only(only) => Err(format!("the only name here is '{only}'")),
            Self::Free(max) if (1..=max).contains(&name.chars().count()) && !name.contains(FORBIDDEN) => {
                Ok(())
            }
            Self::Free(max) => {
                Err(format!("a name takes 1 to {max} characters, none of them of * # & + : < > ?"))
            }
        }
    }
}

const FORBIDDEN: [char; 9] = ['*', '#', '&', '+', ':', '<', '>', '?', '/'];

/// What a kind does beyond being stored. Each is one module of the management engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// Revisions, import, and a path that no other API has.
    Api,
    /// A method and URL template that no other operation of the API has.
    Operation,
    /// Makes another revision current.
    Release,
    /// Its text is checked as a policy document.
    Policy,
    /// A state and approval that fit whether a subscription is required.
    Product,
    /// Keys are made, an owner and a scope looked up; the built-in one stays.
    Subscription,
    /// A password is hashed, an e-mail address is used once; the built-in one stays.
    User,
    /// The built-in ones stay.
    Group,
    /// Its value is sealed when it is secret; its display name is used once.
    NamedValue,
}

impl Kind {
    /// The properties, empty for a link.
    pub fn properties(&self) -> &'static [Property] {
        match self.body {
            Body::Properties(properties) => properties,
            Body::Link(_) => &[],
        }
    }

    /// The last collection: `operations` of `apis/operations`.
    pub fn collection(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    /// The kind this one stands below.
    pub fn parent(&self) -> Option<&'static Self> {
        find(self.path.rsplit_once('/')?.0)
    }

    /// The kinds directly below this one.
    pub fn children(&self) -> impl Iterator<Item = &'static Self> {
        all().iter().copied().filter(|kind| kind.path.rsplit_once('/').is_some_and(|(up, _)| up == self.path))
    }
}

/// Every kind, parents before their children.
pub fn all() -> &'static [&'static Kind] {
    &[
        &api::VERSION_SET,
        &api::API,
        &operation::OPERATION,
        &policy::OPERATION,
        &api::SCHEMA,
        &api::RELEASE,
        &api::RESOLVER,
        &policy::RESOLVER,
        &policy::API,
        &product::PRODUCT,
        &product::APIS,
        &product::GROUPS,
        &policy::PRODUCT,
        &group::GROUP,
        &group::USERS,
        &user::USER,
        &subscription::SUBSCRIPTION,
        &named_value::NAMED_VALUE,
        &backend::BACKEND,
        &policy::SERVICE,
    ]
}

/// The kind of a resource type (`apis/operations`), whatever its case.
pub fn find(resource_type: &str) -> Option<&'static Kind> {
    all().iter().copied().find(|kind| kind.path.eq_ignore_ascii_case(resource_type))
}

/// The kind of the resource at a path.
pub fn of(path: &ResourcePath) -> Option<&'static Kind> {
    find(&path.resource_type())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parent_and_every_reference_is_a_kind() {
        for (index, kind) in all().iter().enumerate() {
            if let Some((parent, _)) = kind.path.rsplit_once('/') {
                assert!(all()[..index].iter().any(|above| above.path == parent), "{}", kind.path);
            }
            if let Body::Link(to) = kind.body {
                assert!(find(to).is_some(), "{}", kind.path);
            }
            for property in kind.properties() {
                for reference in property.references {
                    assert!(find(reference.to).is_some(), "{}.{}", kind.path, property.name);
                }
            }
        }
    }

    #[test]
    fn every_default_is_accepted() {
        for kind in all() {
            for property in kind.properties() {
                if let Some(default) = property.default {
                    let mut violations = Vec::new();
                    property.shape.check(default.value(), property.name, &mut violations);
                    assert!(violations.is_empty(), "{}: {violations:?}", kind.path);
                }
            }
        }
    }

    #[test]
    fn names_are_checked() {
        assert!(NameRule::Free(5).check("a-b.c").is_ok());
        assert!(NameRule::Free(5).check("toolong").is_err());
        assert!(NameRule::Free(5).check("").is_err());
        assert!(NameRule::Free(5).check("a/b").is_err());
        assert!(NameRule::Only("policy").check("Policy").is_ok());
        assert!(NameRule::Only("policy").check("p").is_err());
    }

    #[test]
    fn a_kind_knows_its_relatives() {
        let kind = find("APIs/Operations").unwrap();
        assert_eq!(kind.collection(), "operations");
        assert_eq!(kind.parent().unwrap().path, "apis");
        assert_eq!(kind.children().map(|kind| kind.path).collect::<Vec<_>>(), ["apis/operations/policies"]);
    }
}
