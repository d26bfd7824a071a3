//! Compiles policy documents and evaluates them; effects through traits.
