//! A write while it is being planned.

use evergate_model::{Properties, Resource, Secrets};
use evergate_store::{Edit, Precondition};
use serde_json::Value;

use super::Located;

/// What a write will store, and what must hold for it.
pub(crate) struct Draft<'a> {
    pub(crate) located: &'a Located,
    /// What is stored now.
    pub(crate) existing: Option<&'a Resource>,
    /// What the client sent, renamed to the newest shape, before anything was checked.
    pub(crate) given: &'a Properties,
    pub(crate) properties: Properties,
    pub(crate) secrets: Secrets,
    /// What only this request needs.
    pub(crate) request: Properties,
    /// Edits in the same commit, before and after the resource's own.
    pub(crate) before: Vec<Edit>,
    pub(crate) after: Vec<Edit>,
    pub(crate) preconditions: Vec<Precondition>,
    /// Whether other resources were looked at, so that nothing may have changed since.
    pub(crate) exclusive: bool,
}

impl Draft<'_> {
    /// A text among the properties.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.properties.get(name)?.as_str()
    }

    /// Sets a property.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.properties.insert(name.to_owned(), value.into());
    }

    /// Sets a property unless it is set.
    pub(crate) fn default(&mut self, name: &str, value: impl Into<Value>) {
        self.properties.entry(name).or_insert_with(|| value.into());
    }
}
