//! Plans and runs backup, restore and undo.
