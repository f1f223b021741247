//! Whether a server may open, decided before it listens.

use std::fmt;
use std::net::SocketAddr;

/// What was asked for, as far as it decides who can come in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exposure {
    pub(super) is_loopback: bool,
    /// Whether there is a way to log in for people.
    pub(super) people: bool,
    /// Whether there are tokens for programs.
    pub(super) programs: bool,
    pub(super) header_without_proxies: bool,
    pub(super) behind_tls_proxy: bool,
    pub(super) has_hosts: bool,
    pub(super) no_auth: bool,
}

/// How it opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// To whom the files and proxies know.
    Configured,
    /// To whoever has the token that is made for this run.
    OneToken,
    /// To everybody.
    Public,
}

/// Why it does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exposed {
    /// Other machines could reach it, and nobody would have to log in.
    NoLogin,
    /// Other machines could reach it, and passwords would go over the network in the clear.
    NoTls,
    /// It cannot know under which names it is reached, so it could not tell other sites' names apart.
    NoHosts,
    /// A header is to be trusted, and not said whose.
    NoProxies,
    /// It is to have a login, and none.
    Contradiction,
}

impl Exposure {
    pub(super) fn decide(self) -> Result<Opening, Exposed> {
        let has_login = self.people || self.programs;
        if self.no_auth && has_login {
            return Err(Exposed::Contradiction);
        }
        if self.header_without_proxies {
            return Err(Exposed::NoProxies);
        }
        if !self.is_loopback {
            if !has_login && !self.no_auth {
                return Err(Exposed::NoLogin);
            }
            if !self.behind_tls_proxy && !self.no_auth {
                return Err(Exposed::NoTls);
            }
            if !self.has_hosts {
                return Err(Exposed::NoHosts);
            }
        }
        Ok(match self {
            Exposure { no_auth: true, .. } => Opening::Public,
            Exposure { people: false, is_loopback: true, .. } => Opening::OneToken,
            _ => Opening::Configured,
        })
    }
}

/// The hosts for which a server on this address answers: those that were named, and those that no
/// other site can make its own.
pub(super) fn hosts(address: SocketAddr, named: &[String]) -> Vec<String> {
    let port = address.port();
    let own = ["localhost", "127.0.0.1", "[::1]"].into_iter().map(|host| format!("{host}:{port}"));
    let bound = (!address.ip().is_unspecified()).then(|| address.to_string());
    let usual = (port == 80).then(|| "localhost".to_owned());
    named.iter().cloned().chain(own).chain(bound).chain(usual).collect()
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Exposed::NoLogin => {
                "other machines could reach this address without a login: give --users, --tokens or \
                 --trusted-header, or bind 127.0.0.1"
            }
            Exposed::NoTls => {
                "passwords and pages would cross the network in the clear: put a proxy that speaks TLS \
                 in front and say --behind-tls-proxy, or bind 127.0.0.1"
            }
            Exposed::NoHosts => {
                "it must know under which name it is reached, or other sites could point their names at \
                 it: give --host jobs.example.com"
            }
            Exposed::NoProxies => {
                "anybody could send that header: say with --trusted-proxies which networks the proxy \
                 speaks from, as in 10.0.0.0/8"
            }
            Exposed::Contradiction => {
                "--insecure-no-auth leaves no login, and --users, --tokens or --trusted-header ask for \
                 one: drop one of them"
            }
        })
    }
}

impl std::error::Error for Exposed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_opens_to_strangers_unless_it_is_said_in_so_many_words() {
        for bits in 0..64_u32 {
            let is = |bit: u32| bits & 1 << bit != 0;
            let asked = Exposure {
                is_loopback: is(0),
                people: is(1),
                programs: is(2),
                behind_tls_proxy: is(3),
                has_hosts: is(4),
                no_auth: is(5),
                header_without_proxies: false,
            };
            let opening = asked.decide();
            match opening {
                Ok(Opening::Public) => assert!(asked.no_auth, "{asked:?}"),
                Ok(Opening::OneToken) => assert!(asked.is_loopback && !asked.people, "{asked:?}"),
                Ok(Opening::Configured) => assert!(asked.people || asked.programs, "{asked:?}"),
                Err(_) => {}
            }
            if opening.is_ok() && !asked.is_loopback && !asked.no_auth {
                let is_safe = (asked.people || asked.programs) && asked.behind_tls_proxy;
                assert!(is_safe && asked.has_hosts, "{asked:?}");
            }
            if asked.is_loopback && !asked.no_auth {
                assert!(opening.is_ok(), "on this machine it opens: {asked:?}");
            }
        }
    }

    #[test]
    fn a_refusal_says_what_is_missing() {
        let bare = Exposure {
            is_loopback: false,
            people: false,
            programs: false,
            header_without_proxies: false,
            behind_tls_proxy: false,
            has_hosts: false,
            no_auth: false,
        };
        assert_eq!(bare.decide(), Err(Exposed::NoLogin));
        assert_eq!(Exposure { people: true, ..bare }.decide(), Err(Exposed::NoTls));
        let behind = Exposure { people: true, behind_tls_proxy: true, ..bare };
        assert_eq!(behind.decide(), Err(Exposed::NoHosts));
        assert_eq!(Exposure { has_hosts: true, ..behind }.decide(), Ok(Opening::Configured));
        let trusting = Exposure { header_without_proxies: true, ..behind };
        assert_eq!(trusting.decide(), Err(Exposed::NoProxies));
        let both = Exposure { no_auth: true, ..behind };
        assert_eq!(both.decide(), Err(Exposed::Contradiction));
    }
}
