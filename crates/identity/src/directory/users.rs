//! People: making them, changing their passwords, and checking a sign-in.

use std::net::IpAddr;
use std::sync::Arc;

use evergate_model::Secret;

use super::{ChangeError, Directory};
use crate::objects::{ObjectId, TenantId, User};
use crate::problem::TokenProblem;
use crate::state::{ASSIGNMENTS, USERS};

/// The shortest password accepted (NIST SP 800-63B asks for eight; sign-ins here have no second factor).
const SHORTEST: usize = 12;

impl Directory {
    /// Makes a user.
    pub async fn create_user(
        &self,
        tenant: TenantId,
        user_name: &str,
        display_name: &str,
        password: &Secret,
    ) -> Result<Arc<User>, ChangeError> {
        check_user_name(user_name)?;
        let password_hash = self.hash_password(password).await?;
        let now = self.now();
        let user = User {
            id: ObjectId::random(),
            tenant,
            user_name: user_name.to_owned(),
            display_name: display_name.to_owned(),
            password_hash,
            sessions_since: now,
            enabled: true,
            created_at: now,
        };
        let turn = self.turn().await;
        if self.state().user_named(tenant, user_name).is_some() {
            return Err(ChangeError::Conflict(format!("user '{user_name}'")));
        }
        self.store(USERS, &user.id.to_string(), &user).await?;
        let user = Arc::new(user);
        let added = Arc::clone(&user);
        self.replace(&turn, |state| {
            state.users.insert(added.id, added);
        });
        Ok(user)
    }

    /// The tenant's users, by sign-in name.
    pub fn users(&self, tenant: TenantId) -> Vec<Arc<User>> {
        let mut users: Vec<_> =
            self.state().users.values().filter(|user| user.tenant == tenant).cloned().collect();
        users.sort_by(|a, b| a.user_name.cmp(&b.user_name));
        users
    }

    /// One user by id or sign-in name.
    pub fn user(&self, tenant: TenantId, named: &str) -> Result<Arc<User>, ChangeError> {
        let state = self.state();
        let by_id = named.parse().ok().and_then(|id: ObjectId| state.users.get(&id));
        let found = by_id.filter(|user| user.tenant == tenant).or_else(|| state.user_named(tenant, named));
        found.cloned().ok_or_else(|| ChangeError::NotFound(format!("user '{named}'")))
    }

    /// Gives a user a new password; refresh tokens issued before are void.
    pub async fn set_password(
        &self,
        tenant: TenantId,
        id: ObjectId,
        password: &Secret,
    ) -> Result<(), ChangeError> {
        let password_hash = self.hash_password(password).await?;
        let now = self.now();
        self.edit_user(tenant, id, |user| {
            user.password_hash = password_hash;
            user.sessions_since = now;
        })
        .await
    }

    /// Enables or disables a user; a disabled user's tokens stop working at once.
    pub async fn set_enabled(
        &self,
        tenant: TenantId,
        id: ObjectId,
        enabled: bool,
    ) -> Result<(), ChangeError> {
        self.edit_user(tenant, id, |user| user.enabled = enabled).await
    }

    /// Deletes a user with the role assignments.
    pub async fn delete_user(&self, tenant: TenantId, id: ObjectId) -> Result<(), ChangeError> {
        let turn = self.turn().await;
        self.user(tenant, &id.to_string())?;
        let principal = id.to_string();
        let state = self.state();
        let assignments: Vec<_> =
            state.assignments.values().filter(|one| one.principal == principal).map(|one| one.id).collect();
        self.records.take(USERS, &principal).await?;
        for assignment in &assignments {
            self.records.take(ASSIGNMENTS, &assignment.to_string()).await?;
        }
        self.replace(&turn, |state| {
            state.users.remove(&id);
            state.assignments.retain(|id, _| !assignments.contains(id));
        });
        Ok(())
    }

    /// Checks a sign-in with a password. What is wrong, the name or the password, is not told, neither by
    /// words nor by time.
    pub async fn sign_in(
        &self,
        tenant: TenantId,
        user_name: &str,
        password: &Secret,
        from: Option<IpAddr>,
    ) -> Result<Arc<User>, TokenProblem> {
        // Blanks around the name are forgiven; they must not make it another name to the counter.
        let user_name = user_name.trim();
        let attempt = format!("user:{tenant}:{user_name}");
        self.attempts.check(&attempt, from, self.now()).map_err(TokenProblem::locked)?;
        let user = self.state().user_named(tenant, user_name).cloned();
        let right = match &user {
            Some(user) => self.passwords.verify(password, &user.password_hash).await,
            None => self.passwords.pretend(password).await.map(|()| false),
        };
        let right = right.map_err(|error| TokenProblem::from(super::DirectoryError::from(error)))?;
        match user {
            Some(user) if right && user.enabled => {
                self.attempts.succeeded(&attempt, from);
                Ok(user)
            }
            _ => {
                self.attempts.failed(&attempt, from, self.now());
                Err(TokenProblem::wrong_password())
            }
        }
    }

    async fn edit_user(
        &self,
        tenant: TenantId,
        id: ObjectId,
        edit: impl FnOnce(&mut User),
    ) -> Result<(), ChangeError> {
        let turn = self.turn().await;
        let mut user = User::clone(self.user(tenant, &id.to_string())?.as_ref());
        edit(&mut user);
        self.store(USERS, &id.to_string(), &user).await?;
        self.replace(&turn, |state| {
            state.users.insert(id, Arc::new(user));
        });
        Ok(())
    }

    async fn hash_password(&self, password: &Secret) -> Result<String, ChangeError> {
        let length = password.expose().chars().count();
        if !(SHORTEST..=256).contains(&length) {
            return Err(ChangeError::Invalid(format!("a password takes {SHORTEST} to 256 characters")));
        }
        Ok(self.passwords.hash(password).await?)
    }
}

fn check_user_name(name: &str) -> Result<(), ChangeError> {
    let good = name.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if good && name.len() <= 254 && !name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        Ok(())
    } else {
        Err(ChangeError::Invalid(format!("the user name '{name}' is not of the form 'name@domain'")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{DirectoryConfig, MemoryRecords, PasswordCost};

    #[tokio::test]
    async fn blanks_around_the_name_do_not_begin_the_count_anew() {
        let mut config = DirectoryConfig::new("https://localhost:1");
        config.password_cost = PasswordCost::CHEAP;
        let directory = Directory::open(Arc::new(MemoryRecords::default()), config).await.unwrap();
        let tenant = directory.create_tenant("t").await.unwrap().id;
        let right = Secret::new("a long enough password");
        directory.create_user(tenant, "ann@x", "Ann", &right).await.unwrap();
        directory.sign_in(tenant, " ann@x ", &right, None).await.unwrap();
        for blanks in 0..8 {
            let name = format!("ann@x{}", " ".repeat(blanks));
            directory.sign_in(tenant, &name, &Secret::new("wrong"), None).await.unwrap_err();
        }
        let refused = directory.sign_in(tenant, "ann@x", &right, None).await.unwrap_err();
        assert!(refused.to_string().contains("too many attempts"), "{refused}");
    }
}
