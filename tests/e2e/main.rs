//! The whole of Evergate as its users meet it: real servers, driven by the clients people have.

mod azure_cli;
mod azurite;
mod busy;
mod command_line;
mod crash;
mod github;
mod lab;
mod preview;
mod refusals;
mod sdk;
mod swap;
