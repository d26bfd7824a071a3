//! Proxies requests against the current snapshot.
