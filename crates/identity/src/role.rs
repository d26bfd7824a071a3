//! The built-in roles: which actions each allows.
//!
//! Ids and names are the public cloud's; the operator role follows the contract instead of the cloud's looser
//! definition: it runs the service, backs it up and restores it, but does not read what the service holds.

use uuid::Uuid;

use crate::objects::RoleId;

/// A role that can be assigned.
#[derive(Debug)]
pub struct RoleDefinition {
    /// Its id, the same everywhere.
    pub id: RoleId,
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Patterns of actions it allows; `*` stands for any text.
    pub actions: &'static [&'static str],
    /// Patterns of actions it leaves out again.
    pub not_actions: &'static [&'static str],
}

/// What every role that works with services may see around them.
macro_rules! with_surroundings {
    ($($action:literal),*) => {
        &[
            $($action,)*
            "Microsoft.Authorization/*/read",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ]
    };
}

/// All roles, by name.
pub const ROLES: &[RoleDefinition] = &[
    RoleDefinition {
        id: RoleId(Uuid::from_u128(0x312a_565d_c81f_4fd8_895a_4e21_e48d_571c)),
        name: "API Management Service Contributor",
        description: "Manages services and everything in them",
        actions: with_surroundings!("Microsoft.ApiManagement/*"),
        not_actions: &[],
    },
    RoleDefinition {
        id: RoleId(Uuid::from_u128(0xe022_efe7_f5ba_4159_bbe4_b44f_577e_9b61)),
        name: "API Management Service Operator Role",
        description: "Manages services, backs them up and restores them, without reading their APIs",
        actions: with_surroundings!(
            "Microsoft.ApiManagement/checkNameAvailability/read",
            "Microsoft.ApiManagement/service/read",
            "Microsoft.ApiManagement/service/write",
            "Microsoft.ApiManagement/service/delete",
            "Microsoft.ApiManagement/service/backup/action",
            "Microsoft.ApiManagement/service/restore/action",
            "Microsoft.ApiManagement/service/managedeployments/action",
            "Microsoft.ApiManagement/service/updatecertificate/action",
            "Microsoft.ApiManagement/service/updatehostname/action",
            "Microsoft.ApiManagement/service/operationresults/read",
            "Microsoft.ApiManagement/service/generations/*",
            "Microsoft.ApiManagement/service/undo/action"
        ),
        not_actions: &[],
    },
    RoleDefinition {
        id: RoleId(Uuid::from_u128(0x7152_2526_b88f_4d52_b57f_d31f_c354_6d0d)),
        name: "API Management Service Reader Role",
        description: "Reads services and what is in them, without keys and secrets",
        actions: with_surroundings!(
            "Microsoft.ApiManagement/service/*/read",
            "Microsoft.ApiManagement/service/read",
            "Microsoft.ApiManagement/checkNameAvailability/read"
        ),
        not_actions: &["Microsoft.ApiManagement/service/users/keys/read"],
    },
    RoleDefinition {
        id: RoleId(Uuid::from_u128(0xb249_88ac_6180_42a0_ab88_20f7_382d_d24c)),
        name: "Contributor",
        description: "Manages everything except who has access",
        actions: &["*"],
        not_actions: &[
            "Microsoft.Authorization/*/delete",
            "Microsoft.Authorization/*/write",
            "Microsoft.Authorization/elevateAccess/action",
        ],
    },
    RoleDefinition {
        id: RoleId(Uuid::from_u128(0x8e3a_f657_a8ff_443c_a75c_2fe8_c4bc_b635)),
        name: "Owner",
        description: "Manages everything, who has access included",
        actions: &["*"],
        not_actions: &[],
    },
    RoleDefinition {
        id: RoleId(Uuid::from_u128(0xacdd_72a7_3385_48ef_bd42_f606_fba8_1ae7)),
        name: "Reader",
        description: "Reads everything, without keys and secrets",
        actions: &["*/read"],
        not_actions: &[],
    },
    RoleDefinition {
        id: RoleId(Uuid::from_u128(0x18d7_d88d_d35e_4fb5_a5c3_7773_c20a_72d9)),
        name: "User Access Administrator",
        description: "Manages who has access",
        actions: &["*/read", "Microsoft.Authorization/*"],
        not_actions: &[],
    },
];

impl RoleDefinition {
    /// The role with an id.
    pub fn by_id(id: RoleId) -> Option<&'static Self> {
        ROLES.iter().find(|role| role.id == id)
    }

    /// The role with a name, whatever its case.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        ROLES.iter().find(|role| role.name.eq_ignore_ascii_case(name))
    }

    /// Whether the role allows an action.
    pub fn allows(&self, action: &str) -> bool {
        self.actions.iter().any(|pattern| matches(pattern, action))
            && !self.not_actions.iter().any(|pattern| matches(pattern, action))
    }
}

/// Whether an action fits a pattern: `*` stands for any text, slashes included, and case does not count.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.as_bytes(), action.as_bytes());
    let (mut p, mut a) = (0, 0);
    let mut star = None;
    while a < action.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, a));
            p += 1;
        } else if p < pattern.len() && pattern[p].eq_ignore_ascii_case(&action[a]) {
            p += 1;
            a += 1;
        } else if let Some((after, taken)) = star {
            star = Some((after, taken + 1));
            p = after + 1;
            a = taken + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_allow_what_they_are_for() {
        let service = "Microsoft.ApiManagement/service";
        for (role, action, allowed) in [
            ("Owner", "Microsoft.Authorization/roleAssignments/write".to_owned(), true),
            ("Contributor", format!("{service}/write"), true),
            ("contributor", "microsoft.authorization/roleassignments/WRITE".to_owned(), false),
            ("Reader", format!("{service}/apis/read"), true),
            ("Reader", format!("{service}/subscriptions/listSecrets/action"), false),
            ("API Management Service Operator Role", format!("{service}/backup/action"), true),
            ("API Management Service Operator Role", format!("{service}/RESTORE/action"), true),
            ("API Management Service Operator Role", format!("{service}/read"), true),
            ("API Management Service Operator Role", format!("{service}/apis/read"), false),
            (
                "API Management Service Operator Role",
                "Microsoft.ApiManagement/checkNameAvailability/read".to_owned(),
                true,
            ),
            ("API Management Service Reader Role", format!("{service}/apis/operations/read"), true),
            ("API Management Service Reader Role", format!("{service}/users/keys/read"), false),
            ("API Management Service Reader Role", format!("{service}/backup/action"), false),
            ("API Management Service Contributor", format!("{service}/apis/delete"), true),
            ("API Management Service Contributor", "Microsoft.Authorization/x/write".to_owned(), false),
            ("User Access Administrator", "Microsoft.Authorization/roleAssignments/write".to_owned(), true),
            ("User Access Administrator", format!("{service}/write"), false),
        ] {
            let role = RoleDefinition::by_name(role).unwrap();
            assert_eq!(role.allows(&action), allowed, "{} {action}", role.name);
            assert!(std::ptr::eq(RoleDefinition::by_id(role.id).unwrap(), role));
        }
    }

    #[test]
    fn patterns_backtrack() {
        for (pattern, action, fits) in [
            ("*", "", true),
            ("a*b*c", "a/b/b/c", true),
            ("a*b*c", "a/b/b/d", false),
            ("*/read", "x/read/y/read", true),
            ("a", "ab", false),
            ("ab", "a", false),
            ("a**", "a", true),
        ] {
            assert_eq!(matches(pattern, action), fits, "{pattern} {action}");
        }
    }
}
