//! How a request came here: whether it was encrypted all the way, and whom we believe about it.

use std::net::IpAddr;

use crate::error::ConfigError;
use crate::request::{Field, RequestView, Value};

/// The proxies whose forwarded headers count.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedProxies(Vec<Network>);

/// A range of addresses: `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u8,
}

impl TrustedProxies {
    /// Parses addresses and ranges, keeping all mistakes.
    pub(crate) fn parse(texts: &[String], errors: &mut Vec<ConfigError>) -> Self {
        let mut networks = Vec::new();
        for text in texts {
            match Network::parse(text) {
                Some(network) => networks.push(network),
                None => errors.push(ConfigError::new(
                    format!("trusted proxy {text:?}"),
                    "is not an address or a range of addresses",
                    "write \"10.0.0.7\", \"10.0.0.0/8\" or \"fd00::/8\"",
                )),
            }
        }
        Self(networks)
    }

    /// Whether the request was encrypted on its way: to this server itself, or to a trusted
    /// proxy that says so. Whoever else says so is not believed.
    pub(crate) fn is_https(&self, request: &RequestView<'_>) -> bool {
        let forwarded = request.field(Field::XForwardedProto);
        let says_https =
            matches!(forwarded, Value::One(proto) if proto.eq_ignore_ascii_case("https"));
        request.tls() || (says_https && request.peer().is_some_and(|peer| self.contains(peer)))
    }

    fn contains(&self, peer: IpAddr) -> bool {
        // A dual-stack socket shows IPv4 peers as `::ffff:10.0.0.7`.
        let peer = peer.to_canonical();
        self.0.iter().any(|network| network.contains(peer))
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= longest)?,
            None => longest,
        };
        Some(Self { address, prefix })
    }

    fn contains(self, peer: IpAddr) -> bool {
        let (own, other, width) = match (self.address, peer) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits().into(), b.to_bits().into(), 32_u32),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
            _ => return false,
        };
        let shift = width.saturating_sub(self.prefix.into());
        // A shift by the whole width leaves nothing to differ in: the range of all addresses.
        u128::checked_shr(own, shift) == u128::checked_shr(other, shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_contain_their_addresses_and_no_others() {
        for (network, peer, want) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::1", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
            ("::/0", "::1", true),
        ] {
            let mut errors = Vec::new();
            let proxies = TrustedProxies::parse(&[network.to_owned()], &mut errors);
            assert!(errors.is_empty(), "{network}");
            assert_eq!(
                proxies.contains(peer.parse().unwrap()),
                want,
                "{network} {peer}"
            );
        }
    }

    #[test]
    fn what_is_no_range_is_a_mistake() {
        for text in [
            "",
            "proxy",
            "10.0.0.0/33",
            "10.0.0.0/",
            "::/129",
            "10.0.0/8",
        ] {
            let mut errors = Vec::new();
            TrustedProxies::parse(&[text.to_owned()], &mut errors);
            assert_eq!(errors.len(), 1, "{text}");
        }
    }

    #[test]
    fn only_a_trusted_peer_is_believed_and_only_when_it_is_clear() {
        let mut errors = Vec::new();
        let proxies = TrustedProxies::parse(&["10.0.0.1".to_owned()], &mut errors);
        let check = |peer: Option<&str>, lines: &[&str], want: bool| {
            let mut view = RequestView::new("GET", "/", None)
                .with_peer(peer.map(|peer| peer.parse().unwrap()));
            for line in lines {
                view.header("x-forwarded-proto", line.as_bytes());
            }
            assert_eq!(proxies.is_https(&view), want, "{peer:?} {lines:?}");
        };
        check(Some("10.0.0.1"), &["https"], true);
        check(Some("10.0.0.1"), &["HTTPS"], true);
        check(Some("10.0.0.1"), &["http"], false);
        check(Some("10.0.0.1"), &["https, http"], false);
        check(Some("10.0.0.1"), &["https", "https"], false);
        check(Some("10.0.0.1"), &[], false);
        check(Some("10.0.0.2"), &["https"], false);
        check(None, &["https"], false);
        assert!(proxies.is_https(&RequestView::new("GET", "/", None).with_tls(true)));
    }
}
