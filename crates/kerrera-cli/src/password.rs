//! Passwords that others can see.

use std::io::Write as _;

/// Warns on standard error if this URL was typed, and has a password in it.
pub(crate) fn warn_of(url: &str) {
    if has_password(url) && std::env::args().any(|argument| argument.contains(url)) {
        // Who has closed it does not want to know.
        let _ = writeln!(
            std::io::stderr(),
            "warning: other users of this machine can see the password that was typed: set \
             PGPASSWORD instead"
        );
    }
}

fn has_password(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let login = rest.rsplit_once('@').map_or("", |(login, _)| login);
    login.split_once(':').is_some_and(|(_, password)| !password.is_empty())
        || rest.contains("?password=")
        || rest.contains("&password=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_seen_wherever_it_stands() {
        for url in [
            "postgres://app:secret@host/db",
            "postgres://app:p@ss@host/db",
            "postgres://host/db?password=secret",
            "postgres://host/db?user=app&password=secret",
        ] {
            assert!(has_password(url), "{url}");
        }
        for url in ["postgres://app@host:5432/db", "postgres://host:5432/db", "sqlite:a:b@c.db"] {
            assert!(!has_password(url), "{url}");
        }
    }
}
