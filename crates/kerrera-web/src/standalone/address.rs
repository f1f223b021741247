//! Who sends a request, if proxies stand between.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::access::Role;

/// A header in which a proxy names whom it has let in.
///
/// It counts only from the networks of trusted proxies, and only if it is there once. Such a proxy has to
/// take it off what comes in from outside.
#[derive(Clone, Debug)]
pub struct TrustedHeader {
    pub(super) name: HeaderName,
    pub(super) role: Role,
}

impl TrustedHeader {
    /// This header; who is named there has this role, unless the file of users gives another.
    ///
    /// # Errors
    ///
    /// When the name is none of a header.
    pub fn new(name: &str, role: Role) -> Result<TrustedHeader, super::Error> {
        let invalid = |_| super::Error::Invalid(format!("{name:?} is not the name of a header"));
        let name = HeaderName::try_from(name).map_err(invalid)?;
        Ok(TrustedHeader { name, role })
    }

    /// Whom it names.
    pub(super) fn named<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let mut values = headers.get_all(&self.name).iter();
        let (first, second) = (values.next()?, values.next());
        let name = first.to_str().ok()?.trim();
        let is_plausible = !name.is_empty() && name.len() <= 256 && !name.contains(',');
        (second.is_none() && is_plausible).then_some(name)
    }
}

/// Who is at the other end of the connection.
pub(super) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(address)| address.ip().to_canonical())
}

pub(super) fn is_proxy(address: IpAddr, proxies: &[IpNet]) -> bool {
    proxies.iter().any(|network| network.contains(&address))
}

/// Who sends it: the last address of `X-Forwarded-For` that is no proxy of ours, each being believed
/// only as far as a proxy wrote it.
pub(super) fn sender(parts: &Parts, proxies: &[IpNet]) -> Option<IpAddr> {
    let mut sender = peer(&parts.extensions)?;
    let header = parts.headers.get_all("x-forwarded-for").iter();
    let named: Vec<&str> =
        header.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
    for name in named.iter().rev() {
        if !is_proxy(sender, proxies) {
            break;
        }
        let Ok(before) = name.trim().parse::<IpAddr>() else { break };
        sender = before.to_canonical();
    }
    Some(sender)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn parts(peer: &str, forwarded: &[&str]) -> Parts {
        let mut request = Request::builder();
        for value in forwarded {
            request = request.header("x-forwarded-for", *value);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        parts.extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        parts
    }

    #[test]
    fn only_proxies_say_for_whom_they_speak() {
        let proxies: [IpNet; 1] = ["10.0.0.0/8".parse().unwrap()];
        for (peer, forwarded, expected) in [
            ("192.0.2.1", &["203.0.113.9"][..], "192.0.2.1"),
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
            ("::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["nonsense"], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            let sender = sender(&parts(peer, forwarded), &proxies).unwrap();
            assert_eq!(sender.to_string(), expected, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn a_header_that_is_there_twice_names_nobody() {
        let header = TrustedHeader::new("X-User", Role::Viewer).unwrap();
        let named = |values: &[&str]| {
            let headers: HeaderMap = HeaderMap::from_iter([]);
            let headers = values.iter().fold(headers, |mut headers, value| {
                headers.append("x-user", value.parse().unwrap());
                headers
            });
            header.named(&headers).map(str::to_owned)
        };
        assert_eq!(named(&["ada"]), Some("ada".to_owned()));
        for values in [&["ada", "root"][..], &["ada, root"], &[""], &[]] {
            assert_eq!(named(values), None, "{values:?}");
        }
        assert!(TrustedHeader::new("no header", Role::Viewer).is_err());
    }
}
