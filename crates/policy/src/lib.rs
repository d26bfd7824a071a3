//! Compiles policy documents and evaluates them; effects through traits.
//!
//! [`compile`] turns a document into a [`Document`] of typed statements, or says what the gateway
//! cannot do ([`PolicyError`]): a document that was not understood whole is never run in part.
//! [`evaluate::run`] walks the documents of a request's scopes, innermost first, `<base/>` leading
//! outwards, over an [`Exchange`]; counting is left to the caller's [`Effects`].

mod compile;
pub mod cors;
pub mod document;
mod error;
pub mod evaluate;
pub mod query;

pub use compile::{Compiler, check, compile};
pub use document::{Document, Section, Statement};
pub use error::PolicyError;
pub use evaluate::{Answer, Effects, Exchange, Failure, Outcome, ResponseHead};
