//! What a service itself may be given: its properties and its tiers.

use super::property::{TEXT, text};
use super::{Default, Pattern, Property, Shape};

/// The properties of a service that clients set.
pub const PROPERTIES: &[Property] = &[
    Property::new("publisherEmail", Shape::Text { min: 1, max: 100, pattern: Some(EMAIL) }).required(),
    Property::new("publisherName", text(1, 100)).required(),
    Property::new("notificationSenderEmail", text(1, 100)),
    Property::new("hostnameConfigurations", Shape::List(&Shape::Object(HOSTNAME), 20)),
    Property::new("virtualNetworkType", Shape::Choice(&["None", "External", "Internal"]))
        .default(Default::Text("None")),
    Property::new("virtualNetworkConfiguration", Shape::Any),
    Property::new("additionalLocations", Shape::Any),
    Property::new("publicIpAddressId", TEXT),
    Property::new("publicNetworkAccess", Shape::Choice(&["Enabled", "Disabled"]))
        .default(Default::Text("Enabled")),
    Property::new("configurationApi", Shape::Any),
    Property::new("customProperties", Shape::Map(&TEXT)),
    Property::new("certificates", Shape::List(&Shape::Object(CERTIFICATE), 10)),
    Property::new("enableClientCertificate", Shape::Boolean),
    Property::new("natGatewayState", Shape::Choice(&["Enabled", "Disabled"]))
        .default(Default::Text("Disabled")),
    Property::new("disableGateway", Shape::Boolean).default(Default::Boolean(false)),
    Property::new("apiVersionConstraint", Shape::Object(&[Property::new("minApiVersion", TEXT)])),
    Property::new("legacyPortalStatus", Shape::Choice(&["Enabled", "Disabled"])),
    Property::new("developerPortalStatus", Shape::Choice(&["Enabled", "Disabled"])),
];

const EMAIL: Pattern = Pattern {
    rule: "it is an e-mail address such as ann@example.org",
    matches: |text| {
        text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
            && !text.chars().any(|c| c.is_whitespace() || c.is_control())
    },
};
const HOSTNAME: &[Property] = &[
    Property::new(
        "type",
        Shape::Choice(&["Proxy", "Portal", "Management", "Scm", "DeveloperPortal", "ConfigurationApi"]),
    )
    .required(),
    Property::new("hostName", Shape::Text { min: 1, max: 253, pattern: Some(HOST) }).required(),
    Property::new("keyVaultId", TEXT),
    Property::new("identityClientId", TEXT),
    Property::new("encodedCertificate", TEXT),
    Property::new("certificatePassword", TEXT),
    Property::new("defaultSslBinding", Shape::Boolean),
    Property::new("negotiateClientCertificate", Shape::Boolean).default(Default::Boolean(false)),
    Property::new("certificate", Shape::Any),
    Property::new("certificateSource", Shape::Choice(&["Managed", "KeyVault", "Custom", "BuiltIn"])),
    Property::new("certificateStatus", Shape::Choice(&["Completed", "Failed", "InProgress"])),
];
const HOST: Pattern = Pattern {
    rule: "it is a host name such as api.example.org",
    matches: |host| {
        host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
    },
};
const CERTIFICATE: &[Property] = &[
    Property::new("encodedCertificate", TEXT),
    Property::new("certificatePassword", TEXT),
    Property::new("storeName", Shape::Choice(&["CertificateAuthority", "Root"])).required(),
    Property::new("certificate", Shape::Any),
];

/// The properties inside `hostnameConfigurations` and `certificates` that are secrets.
pub const CERTIFICATE_SECRETS: &[&str] = &["encodedCertificate", "certificatePassword"];

/// A pricing tier and the units it may have.
#[derive(Debug)]
pub struct Tier {
    /// Its name.
    pub name: &'static str,
    /// The fewest units.
    pub min: u32,
    /// The most units.
    pub max: u32,
}

/// Every tier, as the original service limits them.
pub const TIERS: &[Tier] = &[
    Tier { name: "Developer", min: 1, max: 1 },
    Tier { name: "Basic", min: 1, max: 2 },
    Tier { name: "Standard", min: 1, max: 4 },
    Tier { name: "Premium", min: 1, max: 31 },
    Tier { name: "Consumption", min: 0, max: 0 },
    Tier { name: "Isolated", min: 1, max: 31 },
    Tier { name: "BasicV2", min: 1, max: 10 },
    Tier { name: "StandardV2", min: 1, max: 10 },
    Tier { name: "PremiumV2", min: 1, max: 30 },
];

/// The body of a backup or restore request.
pub const BACKUP: &[Property] = &[
    Property::new("storageAccount", text(1, 255)).required(),
    Property::new("containerName", text(1, 255)).required(),
    Property::new("backupName", Shape::Text { min: 1, max: 1024, pattern: Some(BLOB) }).required(),
    Property::new(
        "accessType",
        Shape::Choice(&["AccessKey", "SystemAssignedManagedIdentity", "UserAssignedManagedIdentity"]),
    )
    .default(Default::Text("AccessKey")),
    Property::new("accessKey", text(1, 4096)).access(super::Access::Secret),
    Property::new("clientId", text(1, 100)),
];

const BLOB: Pattern = Pattern {
    rule: "it contains no control characters",
    matches: |name| !name.chars().any(char::is_control),
};
