//! The words a kind's properties are declared in.

use serde_json::Value;

/// One property of a kind.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it may hold.
    pub shape: Shape,
    /// Whether a resource cannot be without it.
    pub required: bool,
    /// Who sets it and who sees it.
    pub access: Access,
    /// What it is when it is not given.
    pub default: Option<Default>,
    /// The kinds its value names a resource of; the value is that resource's path.
    pub references: &'static [Reference],
}

/// Who sets a property and who sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The client sets it and reads it.
    ReadWrite,
    /// The server sets it; what a client sends is ignored.
    ReadOnly,
    /// The server sets it and never shows it.
    Internal,
    /// The client sets it when it creates the resource, and never reads it.
    Request,
    /// The client sets it; kept with the secrets, and shown to those who may ask for it separately.
    Secret,
    /// The client sets it and reads it; kept with the secrets.
    Sealed,
}

/// What a property may hold.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Text of so many characters.
    Text {
        /// At least.
        min: usize,
        /// At most.
        max: usize,
        /// What it must look like besides.
        pattern: Option<Pattern>,
    },
    /// A whole number in a range.
    Integer {
        /// At least.
        min: i64,
        /// At most.
        max: i64,
    },
    /// True or false.
    Boolean,
    /// An RFC 3339 time.
    Time,
    /// One of these words; case is forgiven and corrected.
    Choice(&'static [&'static str]),
    /// A list of at most so many.
    List(&'static Shape, usize),
    /// An object with free keys.
    Map(&'static Shape),
    /// An object with these properties; others are dropped.
    Object(&'static [Property]),
    /// Any JSON.
    Any,
}

/// What a text must look like.
#[derive(Debug, Clone, Copy)]
pub struct Pattern {
    /// In words.
    pub rule: &'static str,
    /// The test.
    pub matches: fn(&str) -> bool,
}

/// A default value.
#[derive(Debug, Clone, Copy)]
pub enum Default {
    /// A text.
    Text(&'static str),
    /// A truth value.
    Boolean(bool),
    /// A list of texts.
    Texts(&'static [&'static str]),
    /// An object of texts.
    Texted(&'static [(&'static str, &'static str)]),
}

/// A kind that a property's value refers to.
#[derive(Debug, Clone, Copy)]
pub struct Reference {
    /// The resource type.
    pub to: &'static str,
    /// What becomes of the referring resource when the other is deleted.
    pub on_delete: OnDelete,
}

/// What becomes of a resource when one it refers to is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDelete {
    /// The deletion is refused.
    Refuse,
    /// The deletion is refused unless this query parameter is `true`; then it goes too.
    RefuseUnless(&'static str),
    /// It goes too.
    Delete,
    /// It stays.
    Keep,
}

impl Default {
    /// The value as JSON.
    pub fn value(self) -> Value {
        match self {
            Self::Text(text) => text.into(),
            Self::Boolean(boolean) => boolean.into(),
            Self::Texts(texts) => texts.iter().copied().map(Value::from).collect(),
            Self::Texted(pairs) => {
                Value::Object(pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).into())).collect())
            }
        }
    }
}

/// Text without a limit of its own; the request's size limits it.
pub(super) const TEXT: Shape = Shape::Text { min: 0, max: usize::MAX, pattern: None };

/// Text of so many characters.
pub(super) const fn text(min: usize, max: usize) -> Shape {
    Shape::Text { min, max, pattern: None }
}

impl Property {
    /// An optional property that clients set and read.
    pub(super) const fn new(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, required: false, access: Access::ReadWrite, default: None, references: &[] }
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    pub(super) const fn default(mut self, default: Default) -> Self {
        self.default = Some(default);
        self
    }

    pub(super) const fn references(mut self, references: &'static [Reference]) -> Self {
        self.references = references;
        self
    }
}
