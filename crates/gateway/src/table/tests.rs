//! What a compiled table finds for a host, a path and a key.

