//! End-to-end harness: real servers, real clients, and what stands around them.
//!
//! Everything listens on port 0, keeps its data in a temporary directory, and ends when it is dropped.

pub mod azurite;
pub mod binary;
pub mod clients;
pub mod command_line;
pub mod gateway;
pub mod management;
pub mod ready;
pub mod server;
pub mod upstream;

pub use azurite::Azurite;
pub use gateway::Gateway;
pub use management::{Answer, Management};
pub use server::{Bootstrap, Server, ServerOptions};
pub use upstream::Upstream;
