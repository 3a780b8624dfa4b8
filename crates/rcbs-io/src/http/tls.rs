//! Which certificates are trusted: the system's, and those that the settings name.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

use super::HttpError;
use super::reason::root_cause;

/// TLS 1.2 and 1.3, without a certificate of our own and without a choice of protocols (ALPN).
///
/// # Errors
/// [`HttpError`] when the extra certificates are none, or nothing at all is trusted.
pub(super) fn config(extra_ca_pem: Option<&[u8]>) -> Result<ClientConfig, HttpError> {
    let extra = extra_ca_pem.map(certificates).transpose()?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = match extra {
        Some(extra) => Verifier::new_with_extra_roots(extra, Arc::clone(&provider)),
        None => Verifier::new(Arc::clone(&provider)),
    };
    let verifier = verifier.map_err(|error| unusable(&error))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        // What the library calls dangerous is any verifier but its own; this one asks the system.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

fn unusable(error: &rustls::Error) -> HttpError {
    HttpError::Client {
        reason: root_cause(error),
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let refused = |reason: &str| HttpError::Certificates {
        reason: reason.to_owned(),
    };
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| refused("invalid certificate encoding"))?;
    if found.is_empty() {
        return Err(refused("there is no PEM certificate in them"));
    }
    Ok(found)
}
