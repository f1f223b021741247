//! TLS with libpq's meaning of `sslmode` and `sslrootcert`.
//!
//! Two things differ on purpose: `allow` is `prefer`, and a name is looked for in a certificate's
//! alternative names only, as browsers do, not in its common name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kerrera_core::error::Kind;
use kerrera_core::{Error, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// How a connection over TCP is secured.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    mode: Mode,
    roots: Roots,
    /// Whether the handshake comes first, without asking the server whether it has TLS.
    direct: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

const MODES: [(&str, Mode); 6] = [
    ("disable", Mode::Disable),
    ("allow", Mode::Prefer),
    ("prefer", Mode::Prefer),
    ("require", Mode::Require),
    ("verify-ca", Mode::VerifyCa),
    ("verify-full", Mode::VerifyFull),
];

/// Whose certificates are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Roots {
    /// Those in `~/.postgresql/root.crt` if there is one, else the operating system's.
    Usual,
    /// The operating system's.
    System,
    File(PathBuf),
}

/// What is asked of a server's certificate.
enum Check {
    Nothing,
    Chain(RootCertStore),
    ChainAndName(RootCertStore),
}

impl Tls {
    /// The driver's word for a connection without.
    pub(crate) const NONE: SslMode = SslMode::Disable;

    pub(crate) fn new(mode: Option<&str>, roots: Option<String>, direct: bool) -> Result<Tls> {
        let roots = match roots {
            None => Roots::Usual,
            Some(system) if system == "system" => Roots::System,
            Some(path) => Roots::File(path.into()),
        };
        let mode = match mode {
            None if roots == Roots::System => Mode::VerifyFull,
            None => Mode::Prefer,
            Some(name) => {
                let known = MODES.iter().find(|(known, _)| *known == name);
                known.map(|(_, mode)| *mode).ok_or_else(|| {
                    let names = MODES.map(|(name, _)| name).join(", ");
                    Error::new(Kind::Config, format!("sslmode must be one of {names}"))
                })?
            }
        };
        if roots == Roots::System && mode != Mode::VerifyFull {
            let message = "sslrootcert=system needs sslmode=verify-full: anybody can have a \
                           certificate that the system trusts";
            return Err(Error::new(Kind::Config, message));
        }
        Ok(Tls { mode, roots, direct })
    }

    /// What the driver has to know.
    pub(crate) fn driver_mode(&self) -> SslMode {
        match self.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        }
    }

    /// Whether a server that does no TLS with us may be asked again without.
    pub(crate) fn is_optional(&self) -> bool {
        self.mode == Mode::Prefer
    }

    /// The options that say the same, without those that need not be said.
    pub(crate) fn options(&self) -> Vec<(&'static str, String)> {
        let mode = MODES.iter().rev().find(|(_, mode)| *mode == self.mode);
        let mode = mode.filter(|_| self.mode != Mode::Prefer);
        let roots = match &self.roots {
            Roots::Usual => None,
            Roots::System => Some("system".to_owned()),
            Roots::File(path) => Some(path.to_string_lossy().into_owned()),
        };
        let mode = mode.map(|(name, _)| ("sslmode", (*name).to_owned()));
        mode.into_iter().chain(roots.map(|roots| ("sslrootcert", roots))).collect()
    }

    /// What makes the handshakes. Reads the trusted certificates.
    ///
    /// # Errors
    ///
    /// When these cannot be read.
    pub(crate) fn connector(&self) -> Result<MakeRustlsConnect> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::new(Kind::Config, format!("no TLS here: {error}")))?;
        let verifier = |roots| Arc::new(Verifier { roots, provider: Arc::clone(&provider) });
        let mut config = match self.check()? {
            Check::ChainAndName(roots) => builder.with_root_certificates(roots),
            Check::Chain(roots) => {
                builder.dangerous().with_custom_certificate_verifier(verifier(Some(roots)))
            }
            Check::Nothing => builder.dangerous().with_custom_certificate_verifier(verifier(None)),
        }
        .with_no_client_auth();
        if self.direct {
            config.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        Ok(MakeRustlsConnect::new(config))
    }

    fn check(&self) -> Result<Check> {
        let usual = || {
            let path = std::env::home_dir()?.join(".postgresql/root.crt");
            path.exists().then_some(path)
        };
        let file = match &self.roots {
            Roots::File(path) => Some(path.clone()),
            Roots::Usual => usual(),
            Roots::System => None,
        };
        Ok(match (self.mode, file) {
            (Mode::Disable | Mode::Prefer, _) | (Mode::Require, None) => Check::Nothing,
            // Whoever names a root wants to see it checked; so does libpq.
            (Mode::Require | Mode::VerifyCa, Some(file)) => Check::Chain(from_file(&file)?),
            (Mode::VerifyCa, None) => Check::Chain(from_system()?),
            (Mode::VerifyFull, Some(file)) => Check::ChainAndName(from_file(&file)?),
            (Mode::VerifyFull, None) => Check::ChainAndName(from_system()?),
        })
    }
}

fn from_file(path: &Path) -> Result<RootCertStore> {
    let unreadable = |reason: String| {
        let path = path.display();
        Error::new(Kind::Config, format!("the certificates in {path} cannot be used: {reason}"))
    };
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unreadable("there are none".to_owned()));
    }
    Ok(roots)
}

fn from_system() -> Result<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        let message = format!(
            "the operating system has no trusted certificates ({}): install them (ca-certificates \
             on Debian), or name a file with sslrootcert",
            reasons.join("; ")
        );
        return Err(Error::new(Kind::Config, message));
    }
    Ok(roots)
}

/// Looks at no name; and, without roots, at nothing but that the server has the key.
#[derive(Debug)]
struct Verifier {
    roots: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            let algorithms = self.provider.signature_verification_algorithms.all;
            let certificate = ParsedCertificate::try_from(certificate)?;
            verify_server_cert_signed_by_trust_anchor(
                &certificate,
                roots,
                intermediates,
                now,
                algorithms,
            )?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_libpqs() {
        let tls = |mode, roots: Option<&str>| Tls::new(mode, roots.map(str::to_owned), false);
        assert_eq!(tls(None, None).unwrap().driver_mode(), SslMode::Prefer);
        assert_eq!(tls(Some("allow"), None).unwrap().driver_mode(), SslMode::Prefer);
        assert_eq!(tls(None, Some("system")).unwrap().mode, Mode::VerifyFull);
        assert!(tls(Some("require"), Some("system")).unwrap_err().is_config());
        assert!(tls(Some("sure"), None).unwrap_err().to_string().contains("verify-full"));
        let full = tls(Some("verify-full"), Some("/root.crt")).unwrap();
        let said = [("sslmode", "verify-full".to_owned()), ("sslrootcert", "/root.crt".to_owned())];
        assert_eq!(full.options(), said);
    }

    #[test]
    fn a_missing_root_is_named() {
        let tls = Tls::new(Some("verify-ca"), Some("/nowhere/root.crt".to_owned()), false).unwrap();
        let error = tls.connector().err().unwrap().to_string();
        assert!(error.contains("/nowhere/root.crt"), "{error}");
    }
}
