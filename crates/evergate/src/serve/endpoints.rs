//! The listeners, bound before anything else so that port 0 becomes a real port in every URL.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Context as _;
use tokio::net::TcpListener;

use crate::config::Config;

/// The bound listeners of the control plane. Connections wait in their queues until they are served.
pub(crate) struct Listeners {
    pub management: TcpListener,
    /// The same port on `::1`, because clients that are told `localhost` may try only that.
    pub management_ipv6: Option<TcpListener>,
    pub metrics: Option<TcpListener>,
}

impl Listeners {
    /// Binds what is configured.
    pub(crate) async fn bind(config: &Config) -> anyhow::Result<Self> {
        let management = bind("management", config.management.0).await?;
        let management_ipv6 = beside(&management).await;
        let metrics = match config.metrics.0 {
            Some(address) => Some(bind("metrics", address).await?),
            None => None,
        };
        Ok(Self { management, management_ipv6, metrics })
    }

    /// Where clients reach the management API.
    pub(crate) fn management_endpoint(&self, config: &Config) -> anyhow::Result<String> {
        Ok(match &config.public_endpoint {
            Some(origin) => origin.0.clone(),
            None => format!("https://localhost:{}", self.management.local_addr()?.port()),
        })
    }

    /// Where metrics are served.
    pub(crate) fn metrics_endpoint(&self) -> anyhow::Result<Option<String>> {
        let Some(listener) = &self.metrics else { return Ok(None) };
        Ok(Some(format!("http://{}", reachable(listener.local_addr()?))))
    }
}

/// The IPv6 loopback beside the IPv4 one, where the machine has it and the port is free.
async fn beside(listener: &TcpListener) -> Option<TcpListener> {
    let address = listener.local_addr().ok()?;
    if address.ip() != IpAddr::V4(Ipv4Addr::LOCALHOST) {
        return None;
    }
    TcpListener::bind((Ipv6Addr::LOCALHOST, address.port())).await.ok()
}

async fn bind(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("`{key}`: {address} cannot be listened on"))
}

/// The address that reaches a listener from this machine.
pub(crate) fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    address
}

/// Where the gateway listens, once it does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GatewayAddresses {
    pub http: Option<SocketAddr>,
    pub https: Option<SocketAddr>,
}

impl GatewayAddresses {
    /// The gateway's own origin, on this machine.
    pub(crate) fn endpoint(self) -> Option<String> {
        let (scheme, address) = self.preferred()?;
        Some(format!("{scheme}://{}", reachable(address)))
    }

    /// The gateway's origin with TLS, on this machine.
    pub(crate) fn https_endpoint(self) -> Option<String> {
        self.https.map(|address| format!("https://{}", reachable(address)))
    }

    /// The URL of services as their clients see it, with `{service}` in it.
    pub(crate) fn service_url(self, config: &Config) -> String {
        if let Some(url) = config.gateway_url() {
            return url.to_owned();
        }
        let suffix = config.host_suffix();
        match self.preferred() {
            Some(("http", address)) if address.port() != 80 => {
                format!("http://{{service}}.{suffix}:{}", address.port())
            }
            Some(("https", address)) if address.port() != 443 => {
                format!("https://{{service}}.{suffix}:{}", address.port())
            }
            Some((scheme, _)) => format!("{scheme}://{{service}}.{suffix}"),
            None => format!("https://{{service}}.{suffix}"),
        }
    }

    fn preferred(self) -> Option<(&'static str, SocketAddr)> {
        self.http.map(|address| ("http", address)).or(self.https.map(|address| ("https", address)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::KEYS;

    fn config(flags: &[(&str, &str)]) -> Config {
        let key = |flag: &str| KEYS.iter().find(|key| key.flag == flag).unwrap();
        let flags = flags.iter().map(|(flag, value)| (key(flag), vec![(*value).to_owned()])).collect();
        Config::load(None, [], flags).unwrap()
    }

    #[test]
    fn a_service_is_found_under_its_name() {
        let check = |http: Option<&str>, https: Option<&str>, flags: &[(&str, &str)], expected: &str| {
            let address = |text: Option<&str>| text.map(|text| text.parse().unwrap());
            let addresses = GatewayAddresses { http: address(http), https: address(https) };
            assert_eq!(addresses.service_url(&config(flags)), expected);
        };
        let suffix = [("gateway-host-suffix", "apis.example.com")];
        check(Some("127.0.0.1:8080"), None, &[], "http://{service}.gateway.localhost:8080");
        check(Some("0.0.0.0:80"), Some("0.0.0.0:443"), &suffix, "http://{service}.apis.example.com");
        check(None, Some("0.0.0.0:8443"), &suffix, "https://{service}.apis.example.com:8443");
        check(None, Some("0.0.0.0:443"), &suffix, "https://{service}.apis.example.com");
        check(Some("127.0.0.1:1"), None, &[("gateway-url", "https://{service}.x/")], "https://{service}.x");
    }

    #[tokio::test]
    async fn a_free_port_becomes_part_of_the_endpoint() {
        let bound = async |flags: &[(&str, &str)]| {
            let config = config(flags);
            let listeners = Listeners::bind(&config).await.unwrap();
            let port = listeners.management.local_addr().unwrap().port();
            (listeners.management_endpoint(&config).unwrap(), port)
        };
        let (endpoint, port) = bound(&[("management", "0.0.0.0:0")]).await;
        assert_eq!(endpoint, format!("https://localhost:{port}"));
        let public = [("management", "127.0.0.1:0"), ("public-endpoint", "https://evergate.example.com/")];
        assert_eq!(bound(&public).await.0, "https://evergate.example.com");
    }
}
