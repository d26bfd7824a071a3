//! Speaks the resource-manager HTTP API over store and recovery.

pub mod export;
pub mod import;
