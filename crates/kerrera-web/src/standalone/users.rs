//! The file of those who log in with a password.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

use super::Error;
use super::file::{self, Line, Lines};
use super::secret::Digest;
use crate::access::Role;

/// The shortest password that is taken.
const SHORTEST: usize = 12;
/// The longest: what is longer is not a password but a burden.
pub(super) const LONGEST: usize = 1024;

/// The users of a file, with their roles and the hashes of their passwords: a line `name:role:hash`
/// each. Who changes it need not restart anything.
#[derive(Clone, Debug)]
pub struct UsersFile(Arc<Lines<User>>);

#[derive(Clone)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) role: Role,
    /// As the PHC format has it: `$argon2id$v=19$…`.
    hash: String,
}

impl UsersFile {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or a line makes no sense.
    pub fn open(path: impl AsRef<Path>) -> Result<UsersFile, Error> {
        Ok(UsersFile(Arc::new(Lines::open(path.as_ref())?)))
    }

    /// Adds somebody, or gives them another role and password; makes the file if it is not there.
    ///
    /// # Errors
    ///
    /// When the name or the password will not do, and when the file cannot be written. Another program
    /// that writes it at the same time makes this fail.
    pub fn add(
        path: impl AsRef<Path>,
        name: &str,
        role: Role,
        password: &str,
    ) -> Result<(), Error> {
        check_name(name).map_err(Error::Invalid)?;
        let length = password.chars().count();
        if length < SHORTEST || password.len() > LONGEST {
            let why = format!(
                "a password has at least {SHORTEST} characters and at most {LONGEST} bytes; this one \
                 has {length} characters"
            );
            return Err(Error::Invalid(why));
        }
        let hash = Argon2::default().hash_password(password.as_bytes());
        let hash = hash.map_err(|error| Error::Invalid(error.to_string()))?.to_string();
        let user = User { name: name.to_owned(), role, hash };
        file::change(path.as_ref(), |users: &mut Vec<User>| {
            match users.iter_mut().find(|other| other.name == user.name) {
                Some(other) => *other = user,
                None => users.push(user),
            }
            Ok(())
        })
    }

    /// Removes somebody; whoever is logged in under that name no longer is.
    ///
    /// # Errors
    ///
    /// When there is nobody of that name, and when the file cannot be written.
    pub fn remove(path: impl AsRef<Path>, name: &str) -> Result<(), Error> {
        file::change(path.as_ref(), |users: &mut Vec<User>| {
            let before = users.len();
            users.retain(|user| user.name != name);
            match users.len() < before {
                true => Ok(()),
                false => Err(Error::Invalid(format!("there is no user {name:?} in this file"))),
            }
        })
    }

    /// The names in it, with their roles.
    pub fn list(&self) -> Vec<(String, Role)> {
        self.0.current().iter().map(|user| (user.name.clone(), user.role)).collect()
    }

    pub(super) fn named(&self, name: &str) -> Option<User> {
        self.0.current().iter().find(|user| user.name == name).cloned()
    }

    /// Who this is, if the password is theirs. Takes as long for nobody as for somebody.
    pub(super) fn verify(&self, name: &str, password: &str) -> Option<User> {
        let user = self.named(name);
        let hash = user.as_ref().map_or(NOBODY.as_str(), |user| &user.hash);
        let hash = PasswordHash::new(hash).ok()?;
        let is_theirs = Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
        user.filter(|_| is_theirs)
    }
}

/// What nobody's password is compared with, so that one cannot hear from the time which names there are.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let hash = Argon2::default().hash_password(b"nobody");
    hash.map(|hash| hash.to_string()).unwrap_or_default()
});

impl User {
    /// Which password it is, so that a new one ends the sessions of the old one.
    pub(super) fn password(&self) -> Digest {
        Digest::of(&self.hash)
    }
}

impl Line for User {
    fn name(&self) -> &str {
        &self.name
    }

    fn read(line: &str) -> Result<User, String> {
        let mut parts = line.splitn(3, ':');
        let (Some(name), Some(role), Some(hash)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err("it is not name:role:hash; `kerrera web users add` writes one".to_owned());
        };
        check_name(name)?;
        let role = role.parse()?;
        // Whoever pasted a password here should not find it in a log.
        let not_a_hash = || "the third part is not the argon2id hash of a password".to_owned();
        if !hash.starts_with("$argon2id$") || PasswordHash::new(hash).is_err() {
            return Err(not_a_hash());
        }
        Ok(User { name: name.to_owned(), role, hash: hash.to_owned() })
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.name, self.role, self.hash)
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({}:{})", self.name, self.role)
    }
}

/// Names as they stand in a file and in the audit: nothing that could be taken for something else.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_alphanumeric() || "-_.@+".contains(c);
    if name.is_empty() || name.len() > 128 || !name.chars().all(is_plain) {
        return Err(format!("{name:?} is no name: it has 1 to 128 letters, digits, and - _ . @ +"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "correct horse battery";

    #[test]
    fn a_user_who_was_added_is_let_in_until_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        UsersFile::add(&path, "ada", Role::Operator, PASSWORD).unwrap();
        UsersFile::add(&path, "bob@example.com", Role::Viewer, PASSWORD).unwrap();
        let users = UsersFile::open(&path).unwrap();
        assert_eq!(users.verify("ada", PASSWORD).unwrap().role, Role::Operator);
        for (name, password) in [("ada", "correct horse batterY"), ("eve", PASSWORD), ("", "")] {
            assert!(users.verify(name, password).is_none(), "{name}");
        }
        let before = users.named("ada").unwrap().password();

        // The same user again: another hash, since the salt is another.
        UsersFile::add(&path, "ada", Role::Admin, PASSWORD).unwrap();
        assert_ne!(users.named("ada").unwrap().password(), before);
        UsersFile::remove(&path, "ada").unwrap();
        assert!(users.verify("ada", PASSWORD).is_none());
        assert_eq!(users.list(), [("bob@example.com".to_owned(), Role::Viewer)]);
        assert!(UsersFile::remove(&path, "ada").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_owner() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        UsersFile::add(&path, "ada", Role::Operator, PASSWORD).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!std::fs::read_to_string(&path).unwrap().contains(PASSWORD));
    }

    #[test]
    fn what_will_not_do_is_refused_and_secrets_are_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        for (name, password) in
            [("a:b", PASSWORD), ("", PASSWORD), ("a\nb", PASSWORD), ("a", "short")]
        {
            assert!(UsersFile::add(&path, name, Role::Viewer, password).is_err(), "{name:?}");
        }
        for line in ["ada", "ada:viewer", "ada:king:x", "ada:viewer:hunter2hunter2", "a b:viewer:x"]
        {
            std::fs::write(&path, format!("# users\n\n{line}\n")).unwrap();
            let error = UsersFile::open(&path).unwrap_err().to_string();
            assert!(error.contains("line 3") && !error.contains("hunter2"), "{error}");
        }
    }
}
