//! Seals, verifies and reads the backup file; knows no resources.
