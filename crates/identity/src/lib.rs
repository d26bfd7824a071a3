//! Issues and verifies tokens, and answers whether somebody may do an action on a scope.
//!
//! [`Directory`] is the one entry: tenants with their applications and users, the OAuth flows that turn a
//! sign-in into tokens, [`Directory::authenticate`] that turns a token into a [`Principal`], and
//! [`Directory::authorize`] that checks the principal's role assignments. What every request needs is kept in
//! memory and replaced on each write; storage comes in through [`Records`], the network through [`Fetch`].

pub mod assignment;
mod attempts;
mod bearer;
mod claims;
pub mod directory;
pub mod flow;
pub mod form;
pub mod issuer;
pub mod keys;
pub mod objects;
pub mod password;
pub mod problem;
mod random;
pub mod records;
pub mod resource;
pub mod role;
mod seal;
mod state;
mod verify;

pub use assignment::{Forbidden, RoleAssignment};
pub use claims::TokenVersion;
pub use directory::bootstrap::Bootstrap;
pub use directory::{Directory, DirectoryConfig, DirectoryError, Lifetimes};
pub use form::{Form, FormError};
pub use issuer::{ExternalIssuer, Fetch, FetchError};
pub use objects::{
    Application, ApplicationId, ApplicationKind, AssignmentId, ObjectId, PermissionId, RoleId, Tenant,
    TenantId, User,
};
pub use password::PasswordCost;
pub use problem::TokenProblem;
pub use records::{MemoryRecords, Records, RecordsError};
pub use role::RoleDefinition;
pub use verify::{AuthenticationError, Principal, PrincipalKind};

/// Where the present time comes from.
pub type Clock = std::sync::Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;
