//! What is wrong with a policy document, and where.

/// Why a policy document cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}, <{element}>: {message}")]
pub struct PolicyError {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// The element.
    pub element: String,
    /// What is wrong; values that came from named values are never shown.
    pub message: String,
}
