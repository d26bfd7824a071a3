//! TLS towards upstreams: what is trusted, and the backends that ask for less checking.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// Client configurations, one for each way of checking.
#[derive(Debug)]
pub(crate) struct Clients {
    provider: Arc<CryptoProvider>,
    /// None when nothing is trusted: then a checked chain is never good.
    chain: Option<Arc<WebPkiServerVerifier>>,
    made: HashMap<(bool, bool), Arc<ClientConfig>>,
}

/// Why TLS towards upstreams cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate of the configured authority cannot be used.
    #[error("a certificate of the upstream authority cannot be used: {0}")]
    Authority(#[source] rustls::Error),
    /// The trusted certificates make no verifier.
    #[error("upstream certificates cannot be checked: {0}")]
    Verifier(#[source] rustls::client::VerifierBuilderError),
}

impl Clients {
    /// Trusts the platform's authorities and these.
    pub(crate) fn new(authorities: &[CertificateDer<'static>]) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        let platform = rustls_native_certs::load_native_certs();
        for error in &platform.errors {
            tracing::warn!(%error, "some of the platform's certificate authorities cannot be read");
        }
        roots.add_parsable_certificates(platform.certs);
        for authority in authorities {
            roots.add(authority.clone()).map_err(TlsError::Authority)?;
        }
        let chain = if roots.is_empty() {
            tracing::warn!("no certificate authority is trusted: https upstreams will be refused");
            None
        } else {
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
            Some(builder.build().map_err(TlsError::Verifier)?)
        };
        Ok(Self { provider, chain, made: HashMap::new() })
    }

    /// The configuration that checks the chain, the name, both or neither.
    pub(crate) fn checking(&mut self, checks: (bool, bool)) -> Arc<ClientConfig> {
        if let Some(made) = self.made.get(&checks) {
            return Arc::clone(made);
        }
        let verifier = Verifier {
            algorithms: self.provider.signature_verification_algorithms,
            inner: self.chain.clone(),
            chain: checks.0,
            name: checks.1,
        };
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(rustls::DEFAULT_VERSIONS)
            .unwrap_or_else(|_| unreachable!("the provider has cipher suites of both versions"))
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Arc::clone(self.made.entry(checks).or_insert_with(|| Arc::new(config)))
    }
}

/// Checks what a backend's `tls` settings leave on; signatures always.
#[derive(Debug)]
struct Verifier {
    algorithms: WebPkiSupportedAlgorithms,
    inner: Option<Arc<WebPkiServerVerifier>>,
    chain: bool,
    name: bool,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use rustls::CertificateError::{NotValidForName, NotValidForNameContext, UnknownIssuer};
        if !self.chain {
            if self.name {
                rustls::client::verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        let inner = self.inner.as_ref().ok_or(rustls::Error::InvalidCertificate(UnknownIssuer))?;
        match inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }))
                if !self.name =>
            {
                Ok(ServerCertVerified::assertion())
            }
            checked => checked,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
