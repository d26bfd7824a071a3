//! Speaks the resource-manager HTTP API over store and recovery.
