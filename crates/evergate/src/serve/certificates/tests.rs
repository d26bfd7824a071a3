//! What the authority and the server's certificate name, and when they are renewed.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use super::*;

fn certificates(data: &DataDirectory, names: &[&str]) -> Certificates {
    Certificates::new(data, "test", names.iter().map(|name| (*name).to_owned()).collect()).unwrap()
}

/// Whether a client that trusts `ca` accepts the certificate for `name` at `when`.
fn trusted(ca: &str, issued: &Issued, name: &str, when: Timestamp) -> bool {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .unwrap();
    let certificate = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
    let when = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(when.as_second()).unwrap()));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    rustls::client::danger::ServerCertVerifier::verify_server_cert(
        &*verifier,
        &certificate,
        &[],
        &name,
        &[],
        when,
    )
    .is_ok()
}

#[test]
fn clients_that_trust_the_authority_trust_the_server_under_its_names() {
    let place = tempfile::tempdir().unwrap();
    let data = DataDirectory::open(place.path()).unwrap();
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let names = ["localhost", "127.0.0.1", "::1", "*.gateway.localhost"];
    let certificates = certificates(&data, &names);
    let issued = certificates.current(now).unwrap();
    let ca = std::fs::read_to_string(certificates.ca_file()).unwrap();
    let check = |name: &str, when: Timestamp, expected: bool| {
        assert_eq!(trusted(&ca, &issued, name, when), expected, "{name} {when}");
    };
    for name in ["localhost", "127.0.0.1", "::1", "petstore.gateway.localhost"] {
        check(name, now, true);
    }
    check("example.com", now, false);
    check("localhost", now + LIFE + DAY, false);

    let other = tempfile::tempdir().unwrap();
    let other = DataDirectory::open(other.path()).unwrap();
    let stranger = self::certificates(&other, &names).current(now).unwrap();
    assert!(!trusted(&ca, &stranger, "localhost", now));
}

#[test]
fn a_certificate_is_kept_until_it_nears_its_end_or_lacks_a_name() {
    let place = tempfile::tempdir().unwrap();
    let data = DataDirectory::open(place.path()).unwrap();
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let first = certificates(&data, &["localhost"]).current(now).unwrap();
    let ca = std::fs::read_to_string(certificates(&data, &[]).ca_file()).unwrap();
    let at = |names: &[&str], when: Timestamp| certificates(&data, names).current(when).unwrap();

    assert_eq!(at(&["localhost"], now + DAY).certificate, first.certificate);
    let renewed = at(&["localhost"], now + LIFE - RENEW_BEFORE);
    assert_ne!(renewed.certificate, first.certificate);
    let named = at(&["localhost", "example.com"], now);
    assert!(trusted(&ca, &named, "example.com", now));
    assert!(trusted(&ca, &renewed, "localhost", now + LIFE));
    assert_eq!(std::fs::read_to_string(certificates(&data, &[]).ca_file()).unwrap(), ca);
}
