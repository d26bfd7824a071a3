//! What a token is asked for: a `resource` (v1) or a `scope` (v2).

/// Whether an audience is one of the accepted ones; a trailing slash and case do not count.
pub(crate) fn accepts(accepted: &[String], audience: &str) -> bool {
    let bare = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
    let audience = bare(audience);
    accepted.iter().any(|one| bare(one) == audience)
}

/// A v2 `scope` parameter taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes {
    /// The resource whose permissions are asked for, as it was written before the permission's slash:
    /// `https://host//.default` asks for `https://host/`.
    pub resource: Option<String>,
    /// The permissions asked for on it; `.default` is every granted one.
    pub permissions: Vec<String>,
    /// `openid`, `profile` or `email`: an id token is wanted.
    pub openid: bool,
    /// A refresh token is wanted.
    pub offline_access: bool,
}

/// Why a scope is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// More than one API at once.
    #[error("scopes of more than one resource cannot be asked for at once: '{0}' and '{1}'")]
    TwoResources(String, String),
    /// Neither a known word nor `resource/permission`.
    #[error("the scope '{0}' is not of the form 'resource/permission'")]
    Unknown(String),
}

impl Scopes {
    /// Reads a space-separated list (RFC 6749, 3.3).
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let mut scopes = Self::default();
        for scope in text.split_ascii_whitespace() {
            match scope {
                "openid" | "profile" | "email" => scopes.openid = true,
                "offline_access" => scopes.offline_access = true,
                scope => scopes.add(scope)?,
            }
        }
        Ok(scopes)
    }

    fn add(&mut self, scope: &str) -> Result<(), ScopeError> {
        let unknown = || ScopeError::Unknown(scope.to_owned());
        let (resource, permission) = scope.rsplit_once('/').ok_or_else(unknown)?;
        if permission.is_empty() || resource.is_empty() || resource.ends_with(":/") {
            return Err(unknown());
        }
        match &self.resource {
            Some(before) if before != resource => {
                return Err(ScopeError::TwoResources(before.clone(), resource.to_owned()));
            }
            _ => self.resource = Some(resource.to_owned()),
        }
        self.permissions.push(permission.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scopes_as_clients_send_them() {
        let asked = |text: &str| {
            let scopes = Scopes::parse(text)?;
            Ok((scopes.resource.unwrap_or_default(), scopes.permissions.join(" ")))
        };
        let some = |resource: &str, permissions: &str| Ok((resource.to_owned(), permissions.to_owned()));
        for (text, expected) in [
            ("https://host:1//.default", some("https://host:1/", ".default")),
            ("https://host:1/.default", some("https://host:1", ".default")),
            ("https://host/user_impersonation openid", some("https://host", "user_impersonation")),
            ("openid profile offline_access", some("", "")),
            (
                "https://a/x https://b/x",
                Err(ScopeError::TwoResources("https://a".to_owned(), "https://b".to_owned())),
            ),
            ("User.Read", Err(ScopeError::Unknown("User.Read".to_owned()))),
            ("https://", Err(ScopeError::Unknown("https://".to_owned()))),
        ] {
            assert_eq!(asked(text), expected, "{text}");
        }
        let all = Scopes::parse("openid offline_access a/b").unwrap();
        assert!(all.openid && all.offline_access);
    }

    #[test]
    fn audiences_compare_without_trailing_slash() {
        let accepted = ["https://management.azure.com/".to_owned()];
        assert!(accepts(&accepted, "https://management.azure.com"));
        assert!(accepts(&accepted, "HTTPS://management.azure.com/"));
        assert!(!accepts(&accepted, "https://management.azure.com.evil"));
    }

    proptest! {
        #[test]
        fn no_scope_panics(text in ".{0,120}") {
            drop(Scopes::parse(&text));
        }
    }
}
