//! Issues and verifies tokens, and answers whether somebody may do an action on a scope.
