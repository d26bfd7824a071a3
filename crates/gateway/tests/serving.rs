//! The gateway as its clients and upstreams see it: over real sockets, on free ports.

#[path = "serving/access.rs"]
mod access;
#[path = "serving/harness.rs"]
mod harness;
#[path = "serving/policies.rs"]
mod policies;
#[path = "serving/routing.rs"]
mod routing;
#[path = "serving/swaps.rs"]
mod swaps;
#[path = "serving/tls.rs"]
mod tls;
#[path = "serving/trust.rs"]
mod trust;
#[path = "serving/upstreams.rs"]
mod upstreams;
#[path = "serving/wire.rs"]
mod wire;
