//! The file of programs' tokens.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use kerrera::Timestamp;

use super::Error;
use super::file::{self, Line, Lines};
use super::secret::{Digest, Secret};
use super::users::check_name;
use crate::access::{Permission, Permissions, Role};

/// The tokens of a file, for the API: a line `name scope expiry hash` each. The scope is a role or
/// permissions with commas between; the expiry a time, or `never`. Who changes it need not restart
/// anything.
#[derive(Clone, Debug)]
pub struct TokensFile(Arc<Lines<Token>>);

#[derive(Clone)]
pub(super) struct Token {
    pub(super) name: String,
    scope: String,
    pub(super) permissions: Permissions,
    expiry: Option<Timestamp>,
    hash: Digest,
}

impl TokensFile {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or a line makes no sense.
    pub fn open(path: impl AsRef<Path>) -> Result<TokensFile, Error> {
        Ok(TokensFile(Arc::new(Lines::open(path.as_ref())?)))
    }

    /// Makes a token for a program; makes the file if it is not there. A token of the same name no
    /// longer holds. The token is nowhere but in what is given back.
    ///
    /// # Errors
    ///
    /// When the name or the scope will not do, and when the file cannot be written.
    pub fn add(
        path: impl AsRef<Path>,
        name: &str,
        scope: &str,
        expiry: Option<Timestamp>,
    ) -> Result<Secret, Error> {
        check_name(name).map_err(Error::Invalid)?;
        let permissions = permissions(scope).map_err(Error::Invalid)?;
        let secret = Secret::random().map_err(Error::NoRandomness)?;
        let (name, scope) = (name.to_owned(), scope.to_owned());
        let token = Token { name, scope, permissions, expiry, hash: secret.digest() };
        file::change(path.as_ref(), |tokens: &mut Vec<Token>| {
            tokens.retain(|other| other.name != token.name);
            tokens.push(token);
            Ok(())
        })?;
        Ok(secret)
    }

    /// Removes a token.
    ///
    /// # Errors
    ///
    /// When there is none of that name, and when the file cannot be written.
    pub fn remove(path: impl AsRef<Path>, name: &str) -> Result<(), Error> {
        file::change(path.as_ref(), |tokens: &mut Vec<Token>| {
            let before = tokens.len();
            tokens.retain(|token| token.name != name);
            match tokens.len() < before {
                true => Ok(()),
                false => Err(Error::Invalid(format!("there is no token {name:?} in this file"))),
            }
        })
    }

    /// The names in it, with their scopes and when they expire.
    pub fn list(&self) -> Vec<(String, String, Option<Timestamp>)> {
        let tokens = self.0.current();
        tokens.iter().map(|one| (one.name.clone(), one.scope.clone(), one.expiry)).collect()
    }

    /// Whose token this is. Takes as long for any.
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Option<Token> {
        let digest = Digest::of(token);
        let mut found = None;
        for token in self.0.current().iter() {
            if token.hash.is(&digest) {
                found = Some(token.clone());
            }
        }
        found.filter(|token| token.expiry.is_none_or(|expiry| now < expiry))
    }
}

fn permissions(scope: &str) -> Result<Permissions, String> {
    if let Ok(role) = scope.parse::<Role>() {
        return Ok(role.permissions());
    }
    if !scope.contains(':') {
        return Err(format!(
            "{scope:?} is no scope: it is viewer, operator, admin, or permissions such as \
             jobs:view,jobs:retry"
        ));
    }
    scope.split(',').map(str::parse::<Permission>).collect()
}

impl Line for Token {
    fn name(&self) -> &str {
        &self.name
    }

    fn read(line: &str) -> Result<Token, String> {
        let parts: Vec<&str> = line.split_whitespace().collect();
        let [name, scope, expiry, hash] = parts[..] else {
            return Err(
                "it is not name, scope, expiry and hash; `kerrera web tokens add` writes one"
                    .to_owned(),
            );
        };
        check_name(name)?;
        let expiry = match expiry {
            "never" => None,
            time => Some(time.parse::<Timestamp>().map_err(|error| error.to_string())?),
        };
        let not_a_hash = || "the fourth part is not the SHA-256 hash of a token".to_owned();
        let hash = Digest::read(hash).ok_or_else(not_a_hash)?;
        let (name, permissions) = (name.to_owned(), permissions(scope)?);
        Ok(Token { name, scope: scope.to_owned(), permissions, expiry, hash })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.name, self.scope)?;
        match self.expiry {
            Some(expiry) => write!(f, "{expiry}")?,
            None => f.write_str("never")?,
        }
        write!(f, " {}", self.hash)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({} {})", self.name, self.scope)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_token_holds_for_what_it_says_until_it_expires() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let now = Timestamp::now();
        let hour = Duration::from_secs(3600);
        let ci = TokensFile::add(&path, "ci", "viewer", Some(now + hour)).unwrap();
        let bot = TokensFile::add(&path, "bot", "jobs:view,jobs:retry", None).unwrap();
        let tokens = TokensFile::open(&path).unwrap();
        assert_eq!(tokens.verify(ci.reveal(), now).unwrap().name, "ci");
        assert!(tokens.verify(ci.reveal(), now + hour).is_none(), "it has expired");
        let permissions = tokens.verify(bot.reveal(), now + hour).unwrap().permissions;
        assert!(permissions.contains(Permission::JobsRetry) && permissions.iter().count() == 2);
        assert!(tokens.verify("", now).is_none() && tokens.verify("kerrera_", now).is_none());
        assert!(!std::fs::read_to_string(&path).unwrap().contains(ci.reveal()));

        let again = TokensFile::add(&path, "ci", "viewer", None).unwrap();
        assert!(tokens.verify(ci.reveal(), now).is_none() && tokens.list().len() == 2);
        TokensFile::remove(&path, "ci").unwrap();
        assert!(tokens.verify(again.reveal(), now).is_none());
        for scope in ["", "king", "jobs:burn"] {
            assert!(TokensFile::add(&path, "x", scope, None).is_err(), "{scope}");
        }
    }
}
