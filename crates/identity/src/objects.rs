//! What a tenant holds: applications with their permissions, users, and the consent given to applications.
//!
//! These types are the stored form as well: the documents belong to this crate alone.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A text that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a GUID")]
pub struct InvalidId(pub String);

macro_rules! id {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(pub Uuid);

        impl $type {
            /// A new random id.
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $type {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(text).map(Self).map_err(|_| InvalidId(text.to_owned()))
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A tenant's id, the first segment of its endpoints.
    TenantId
);
id!(
    /// An application's (client) id.
    ApplicationId
);
id!(
    /// The id of an object in a tenant: application object, service principal, user, grant, secret.
    ObjectId
);

id!(
    /// The id of a delegated permission of an API.
    PermissionId
);
id!(
    /// A role definition's id.
    RoleId
);
id!(
    /// A role assignment's name.
    AssignmentId
);

/// The service-management API, the resource that management tokens are for. Its id is the public cloud's, so
/// that scripts which register applications work unchanged.
pub const MANAGEMENT_API: ApplicationId =
    ApplicationId(Uuid::from_u128(0x797f_4846_ba00_4fd7_ba43_dac1_f8f6_3013));
/// The id of its delegated permission [`USER_IMPERSONATION`].
pub const USER_IMPERSONATION_ID: PermissionId =
    PermissionId(Uuid::from_u128(0x4109_4075_9dad_400e_a0bd_54e6_8678_2033));
/// The one delegated permission of the service-management API.
pub const USER_IMPERSONATION: &str = "user_impersonation";
/// The client id of this project's own command line.
pub const COMMAND_LINE: ApplicationId =
    ApplicationId(Uuid::from_u128(0xe7e8_9a7e_0000_4000_8000_0000_0000_0c11));
/// The client id `az login` uses.
pub const AZURE_CLI: ApplicationId =
    ApplicationId(Uuid::from_u128(0x04b0_7795_8ddb_461a_bbee_02f9_e1bf_7b46));
/// The client id `Connect-AzAccount` uses.
pub const AZURE_POWERSHELL: ApplicationId =
    ApplicationId(Uuid::from_u128(0x1950_a258_227b_4e31_a9cf_7174_9594_5fc2));

/// A directory of its own: applications and users belong to exactly one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// What people call it.
    pub display_name: String,
    /// When it was made; the oldest tenant is the one `common` and `organizations` mean.
    pub created_at: Timestamp,
}

/// Whether an application can keep a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ApplicationKind {
    /// Runs on its user's device and has no secret.
    Native,
    /// Runs on a server and proves itself with a secret.
    Confidential,
}

/// A client secret; only its hash is kept.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    /// Its id, by which it is removed.
    pub id: ObjectId,
    /// What it is for.
    pub display_name: String,
    /// The first characters, by which a person recognises it.
    pub hint: String,
    pub(crate) hash: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("id", &self.id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A delegated permission an application asks for; it takes effect when a grant covers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    /// The API.
    pub resource: ApplicationId,
    /// The permission's id there.
    pub scope: PermissionId,
}

/// A registered application, with its service principal once there is one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Its (client) id.
    pub id: ApplicationId,
    /// The id of the registration itself.
    pub object_id: ObjectId,
    /// Who it acts as; tokens and role assignments name this. Made on demand, as in the public cloud.
    pub service_principal: Option<ObjectId>,
    /// The tenant it belongs to.
    pub tenant: TenantId,
    /// What people call it.
    pub display_name: String,
    /// Whether it can keep a secret.
    pub kind: ApplicationKind,
    /// Where sign-ins may return to.
    pub redirect_uris: Vec<String>,
    /// Its secrets.
    pub credentials: Vec<Credential>,
    /// What it asks for.
    pub permissions: Vec<Permission>,
    /// False refuses it tokens.
    pub enabled: bool,
    /// Came with the directory and cannot be deleted.
    pub built_in: bool,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// Consent that an administrator gave an application on behalf of everybody in the tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// Its id.
    pub id: ObjectId,
    /// The tenant.
    pub tenant: TenantId,
    /// Who may act.
    pub client: ApplicationId,
    /// On which API.
    pub resource: ApplicationId,
    /// With which delegated permissions.
    pub scopes: Vec<String>,
}

/// A person who signs in with a password.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The person's id in tokens and role assignments.
    pub id: ObjectId,
    /// The tenant.
    pub tenant: TenantId,
    /// The sign-in name, compared without case.
    pub user_name: String,
    /// The person's name.
    pub display_name: String,
    pub(crate) password_hash: String,
    /// Refresh tokens issued before this are void: the last change of password.
    pub(crate) sessions_since: Timestamp,
    /// False refuses sign-in and every token issued before.
    pub enabled: bool,
    /// When the user was made.
    pub created_at: Timestamp,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("user_name", &self.user_name)
            .finish_non_exhaustive()
    }
}
