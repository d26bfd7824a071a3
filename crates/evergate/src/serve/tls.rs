//! The TLS side of the listeners: one configuration whose certificate can be renewed under way.

use std::sync::{Arc, RwLock};

use anyhow::Context as _;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_util::sync::CancellationToken;

use super::certificates::{Certificates, Issued};

/// Twice a day is often enough for certificates that are renewed a month before they expire.
const CHECK_EVERY: std::time::Duration = std::time::Duration::from_hours(12);

/// Hands every handshake the newest certificate.
#[derive(Debug)]
struct Newest(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Newest {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.read().ok().map(|key| Arc::clone(&key))
    }
}

/// The server's TLS configuration and the certificate behind it.
pub(crate) struct Tls {
    provider: Arc<CryptoProvider>,
    newest: Arc<Newest>,
    certificates: Certificates,
}

impl Tls {
    /// Loads or makes the certificate.
    pub(crate) fn new(certificates: Certificates) -> anyhow::Result<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = certified(&provider, &certificates.current(Timestamp::now())?)?;
        Ok(Self { provider, newest: Arc::new(Newest(RwLock::new(Arc::new(key)))), certificates })
    }

    /// A configuration for a listener that speaks HTTP/2 and HTTP/1.1.
    pub(crate) fn server_config(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.newest) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Renews the certificate in time, until `stop`.
    pub(crate) async fn keep_fresh(self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(CHECK_EVERY)).await.is_some() {
            if let Err(error) = self.refresh(Timestamp::now()) {
                tracing::error!(error = format!("{error:#}"), "the server's certificate was not renewed");
            }
        }
    }

    fn refresh(&self, now: Timestamp) -> anyhow::Result<()> {
        let key = certified(&self.provider, &self.certificates.current(now)?)?;
        if let Ok(mut newest) = self.newest.0.write()
            && newest.cert != key.cert
        {
            tracing::info!("the server's certificate was renewed");
            *newest = Arc::new(key);
        }
        Ok(())
    }
}

fn certified(provider: &CryptoProvider, issued: &Issued) -> anyhow::Result<CertifiedKey> {
    let read = || -> Result<_, rustls::pki_types::pem::Error> {
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(issued.certificate.as_bytes()).collect::<Result<_, _>>()?;
        Ok((chain, PrivateKeyDer::from_pem_slice(issued.key.as_bytes())?))
    };
    let (chain, key) = read().context("the server's certificate or key is damaged; remove tls/server.*")?;
    Ok(CertifiedKey::from_der(chain, key, provider)?)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::super::data_directory::DataDirectory;
    use super::*;

    #[test]
    fn new_handshakes_get_the_renewed_certificate() {
        let place = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(place.path()).unwrap();
        let certificates = Certificates::new(&data, "test", vec!["localhost".to_owned()]).unwrap();
        let tls = Tls::new(certificates).unwrap();
        let served = || Arc::clone(&tls.newest.0.read().unwrap()).cert.clone();
        let first = served();
        let after =
            |days: i64| tls.refresh(Timestamp::now() + SignedDuration::from_hours(24 * days)).unwrap();
        after(1);
        assert_eq!(served(), first);
        after(80);
        assert_ne!(served(), first);
    }

    #[test]
    fn a_damaged_certificate_is_refused_with_the_way_out() {
        let place = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(place.path()).unwrap();
        let certificates = || Certificates::new(&data, "test", vec!["localhost".to_owned()]).unwrap();
        Tls::new(certificates()).unwrap();
        std::fs::write(data.join("tls/server.key"), "not a key").unwrap();
        let error = Tls::new(certificates()).err().unwrap();
        assert!(error.to_string().contains("remove tls/server.*"), "{error}");
        for file in ["server.key", "server.pem", "server.json"] {
            std::fs::remove_file(data.join("tls").join(file)).unwrap();
        }
        Tls::new(certificates()).unwrap();
    }
}
