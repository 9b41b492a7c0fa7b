//! TLS as libpq's `sslmode` means it: which certificates to accept, and how to describe the link afterwards.
//!
//! Session resumption is off, so that every handshake shows the server's certificate: channel binding needs it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, InconsistentKeys, RootCertStore,
    SignatureScheme, SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{error, wire::tap::Wire};
use crate::{
    base::secret::{SecretKind, Secrets},
    conninfo::{Config, SYSTEM_ROOTS, SslMode, TlsFiles, TlsVersions},
    effects::regular_file::{self, Limit},
    failure::{Category, Failure},
};
use certificate::Shown;

pub mod certificate;
mod key;

/// A bundle of all of a system's authorities has less than half a megabyte.
const CERTIFICATES: Limit = Limit::megabytes(16);

/// What TLS needs from a configuration, read from its files once.
#[derive(Clone)]
pub struct Tls {
    config: ClientConfig,
    provider: Arc<CryptoProvider>,
    trust: Trust,
    versions: TlsVersions,
    /// What to say about files that nobody named.
    usual: Option<String>,
    has_client_certificate: bool,
    /// What to tell the user about a usual file that has no effect.
    unread: Option<String>,
}

/// A link after the handshake.
pub struct Secured {
    /// The stream to talk through.
    pub wire: Box<dyn Wire>,
    /// What SCRAM binds the password to.
    pub channel_binding: ChannelBinding,
    /// In words: `TLS 1.3`, `TLS 1.3 verified`.
    pub security: String,
}

/// Which server certificates are accepted.
#[derive(Clone)]
enum Trust {
    /// Any: the link is encrypted, and nothing is known about who is at its end.
    Any,
    /// One that leads to these authorities, or is one of these certificates itself.
    Signed { authorities: Arc<Authorities>, host_too: bool },
}

struct Authorities {
    roots: RootCertStore,
    certificates: Vec<CertificateDer<'static>>,
}

impl Tls {
    /// Reads the certificates and the key that the configuration names, or the usual ones if it names none. Reads
    /// files, so don't call it on an executor's thread.
    pub fn load(config: &Config, usual: &TlsFiles, secrets: &Secrets) -> Result<Self, Failure> {
        let said = config.usual_files_used(usual);
        let whole = config.clone().with_usual_files(usual);
        match Self::load_whole(&whole, secrets) {
            Ok(loaded) => {
                let revoked = &usual.revoked;
                let unread = (!revoked.is_empty() && loaded.verifies()).then(|| {
                    format!("Tusk does not read lists of revoked certificates: {revoked} is of no effect.")
                });
                Ok(Self { usual: said, unread, ..loaded })
            }
            // If the mode accepts plain text too, psql falls back to that. A file that nobody named is not worth it.
            Err(failure) if config.ssl_mode < SslMode::Require && names_no_client(config) => {
                let unread = format!("{} TLS goes on without it.", failure.message);
                Ok(Self { unread: Some(unread), ..Self::load_whole(config, secrets)? })
            }
            Err(failure) => Err(with_detail(failure, said.as_deref())),
        }
    }

    fn load_whole(config: &Config, secrets: &Secrets) -> Result<Self, Failure> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let trust = Trust::of(config)?;
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&spoken(config.tls_versions))
            .map_err(|error| error::from_tls(&error))?
            .with_root_certificates(RootCertStore::empty());
        let mut client = if config.ssl_cert.is_empty() {
            builder.with_no_client_auth()
        } else {
            let certified = client_certificate(config, secrets)?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
        };
        client.resumption = Resumption::disabled();
        Ok(Self {
            config: client,
            provider,
            trust,
            versions: config.tls_versions,
            usual: None,
            has_client_certificate: !config.ssl_cert.is_empty(),
            unread: None,
        })
    }

    pub fn has_client_certificate(&self) -> bool {
        self.has_client_certificate
    }

    /// What to tell the user about a usual file that has no effect.
    pub fn unread(&self) -> Option<String> {
        self.unread.clone()
    }

    /// Adds the files that nobody named to a TLS failure.
    pub fn explain(&self, failure: Failure) -> Failure {
        with_detail(failure, self.usual.as_deref())
    }

    fn verifies(&self) -> bool {
        !matches!(self.trust, Trust::Any)
    }

    /// Shakes hands with the server called `host`.
    pub async fn secure<S>(&self, host: &str, stream: S) -> Result<Secured, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let version = Arc::new(AtomicU8::new(0));
        let mut config = self.config.clone();
        let verifier = Verifier {
            trust: self.trust.clone(),
            provider: self.provider.clone(),
            version: version.clone(),
        };
        config.dangerous().set_certificate_verifier(Arc::new(verifier));
        let connect =
            MakeTlsConnect::<S>::make_tls_connect(&mut MakeRustlsConnect::new(config), host)
                .map_err(|never| error::plain(Category::Ssl, never.to_string()))?;
        let stream = connect.connect(stream).await.map_err(|cause| {
            let failure = Failure { category: Category::Ssl, ..error::from_io(&cause) };
            match not_spoken(self.versions) {
                Some(other) if failure.message == error::OLD_TLS => other,
                _ => self.explain(failure),
            }
        })?;
        let verified = if self.verifies() { " verified" } else { "" };
        let security = format!("TLS 1.{}{verified}", version.load(Ordering::Relaxed));
        Ok(Secured { channel_binding: stream.channel_binding(), wire: Box::new(stream), security })
    }

    /// Whether the server's name is checked, so that it must be one that a certificate can hold.
    pub fn names_host(&self) -> bool {
        matches!(self.trust, Trust::Signed { host_too: true, .. })
    }
}

fn names_no_client(config: &Config) -> bool {
    config.ssl_cert.is_empty() && config.ssl_key.is_empty()
}

/// The versions to offer to the server.
fn spoken(versions: TlsVersions) -> Vec<&'static SupportedProtocolVersion> {
    match versions {
        TlsVersions::Both => vec![&TLS13, &TLS12],
        TlsVersions::Only12 => vec![&TLS12],
        TlsVersions::Only13 => vec![&TLS13],
    }
}

/// The failure when the server has no version in common with a connection that accepts only one.
fn not_spoken(versions: TlsVersions) -> Option<Failure> {
    let (version, parameter) = match versions {
        TlsVersions::Both => return None,
        TlsVersions::Only12 => ("1.2", "ssl_max_protocol_version"),
        TlsVersions::Only13 => ("1.3", "ssl_min_protocol_version"),
    };
    let message =
        format!("The server does not speak TLS {version}, and this connection wants no other.");
    let advice =
        format!("Take {parameter} out of the connection, or have the server speak TLS {version}.");
    Some(error::plain(Category::Ssl, message).with_next_step(advice))
}

fn with_detail(failure: Failure, said: Option<&str>) -> Failure {
    let Some(said) = said else { return failure };
    let detail = match &failure.detail {
        Some(detail) => format!("{detail} {said}"),
        None => said.to_owned(),
    };
    Failure { detail: Some(detail), ..failure }
}

impl Trust {
    /// What the mode and the CA file require. A CA file makes `require` check the certificate, as in libpq.
    fn of(config: &Config) -> Result<Self, Failure> {
        let host_too = config.ssl_mode == SslMode::VerifyFull;
        let authorities = match (config.ssl_mode, config.ssl_root_cert.as_str()) {
            (SslMode::Disable | SslMode::Allow | SslMode::Prefer, _) | (SslMode::Require, "") => {
                return Ok(Self::Any);
            }
            (SslMode::VerifyFull, "" | SYSTEM_ROOTS) => system_authorities()?,
            (SslMode::VerifyCa | SslMode::Require, "" | SYSTEM_ROOTS) => {
                return Err(no_authority(config));
            }
            (_, path) => authorities(path)?,
        };
        Ok(Self::Signed { authorities, host_too })
    }
}

/// The system's authorities sign for every host: if the host's name is not checked, anybody has a certificate from
/// them.
fn no_authority(config: &Config) -> Failure {
    let mode = config.ssl_mode.name();
    let message = if config.ssl_root_cert.is_empty() {
        format!(
            "SSL mode {mode} needs the file of the authority to trust: none is named, and the usual one \
             (~/.postgresql/root.crt) is not there."
        )
    } else {
        format!(
            "With the system's authorities SSL mode {mode} would take the certificate of any host."
        )
    };
    let advice = "Name the file of your own CA (sslrootcert), or choose SSL mode verify-full, which takes the system's \
                  authorities and looks at the host's name too.";
    error::plain(Category::Ssl, message).with_next_step(advice)
}

fn authorities(path: &str) -> Result<Arc<Authorities>, Failure> {
    let certificates = certificates(path)?;
    let mut roots = RootCertStore::empty();
    for certificate in &certificates {
        roots.add(certificate.clone()).map_err(|cause| {
            error::plain(
                Category::Ssl,
                format!("The CA file {path} holds a certificate that can't be used: {cause}."),
            )
        })?;
    }
    Ok(Arc::new(Authorities { roots, certificates }))
}

/// The system's own authorities, loaded once because that takes tens of milliseconds.
fn system_authorities() -> Result<Arc<Authorities>, Failure> {
    static LOADED: OnceLock<Arc<Authorities>> = OnceLock::new();
    let loaded = match (LOADED.get(), named_authorities()) {
        (Some(loaded), _) => loaded,
        (None, Some(named)) => {
            let named = named?;
            LOADED.get_or_init(|| parsable(named))
        }
        (None, None) => LOADED.get_or_init(|| {
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                log::warn!("some of the system's certificate authorities can't be read: {error}");
            }
            parsable(found.certs)
        }),
    };
    if loaded.roots.is_empty() {
        let message = "The system has no certificate authorities that Tusk can read.";
        return Err(error::plain(Category::Ssl, message)
            .with_next_step("Name a CA file for this connection."));
    }
    Ok(loaded.clone())
}

fn parsable(certificates: Vec<CertificateDer<'static>>) -> Arc<Authorities> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    Arc::new(Authorities { roots, certificates: Vec::new() })
}

/// The authorities in OpenSSL's variables, which replace the system's; none if they name nothing. The library that
/// reads the system's would read these too, whatever they are and however long.
fn named_authorities() -> Option<Result<Vec<CertificateDer<'static>>, Failure>> {
    let file = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let directories = std::env::var_os("SSL_CERT_DIR").unwrap_or_default();
    let directories: Vec<PathBuf> = std::env::split_paths(&directories)
        .filter(|directory| !directory.as_os_str().is_empty())
        .collect();
    if file.is_none() && directories.is_empty() {
        return None;
    }
    let mut found = Vec::new();
    if let Some(file) = file {
        match certificates(&file.display().to_string()) {
            Ok(certificates) => found.extend(certificates),
            Err(failure) => {
                let advice = "Correct SSL_CERT_FILE in the environment, or name a CA file for this connection.";
                return Some(Err(failure.with_next_step(advice)));
            }
        }
    }
    for entry in directories.iter().flat_map(|directory| directory.read_dir()) {
        for path in entry.flatten().map(|entry| entry.path()) {
            match certificates(&path.display().to_string()) {
                Ok(certificates) => found.extend(certificates),
                Err(failure) => log::warn!("{}", failure.message),
            }
        }
    }
    Some(Ok(found))
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let unreadable = |cause: &dyn std::error::Error| {
        error::plain(
            Category::Ssl,
            format!("The certificate file {path} can't be read: {}.", error::chain(cause)),
        )
    };
    let text =
        regular_file::read(Path::new(path), CERTIFICATES).map_err(|cause| unreadable(&cause))?;
    let certificates = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|cause| unreadable(&cause))?;
    if certificates.is_empty() {
        return Err(error::plain(
            Category::Ssl,
            format!("The file {path} holds no certificate in PEM form."),
        ));
    }
    Ok(certificates)
}

fn client_certificate(config: &Config, secrets: &Secrets) -> Result<CertifiedKey, Failure> {
    let (certificate, key) = (&config.ssl_cert, &config.ssl_key);
    if key.is_empty() {
        return Err(error::plain(
            Category::Ssl,
            "There is a client certificate but no key for it.",
        )
        .with_next_step("Name the file of its key in the connection."));
    }
    let chain = certificates(certificate)?;
    let signing = key::load(key, secrets.get(SecretKind::SslKey))?;
    let certified = CertifiedKey::new(chain, signing);
    match certified.keys_match() {
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(error::plain(
            Category::Ssl,
            format!("The key file {key} does not belong to the client certificate {certificate}."),
        )),
        // What can't be compared here is left for the server to judge.
        _ => Ok(certified),
    }
}

/// Verifies one handshake, and remembers its TLS version.
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
    version: Arc<AtomicU8>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Verifier")
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Trust::Signed { authorities, host_too } = &self.trust else {
            return Ok(ServerCertVerified::assertion());
        };
        let host = host_too.then_some(server_name);
        let verified = match Shown::read(end_entity) {
            Some(shown) if shown.is_version_1() => {
                self.verify_version_1(&shown, authorities, now, host)
            }
            shown => self.verify(end_entity, shown, authorities, intermediates, now, host),
        };
        verified
            .map(|()| ServerCertVerified::assertion())
            .map_err(|error| certificate::explained(error, end_entity, server_name))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.version.store(2, Ordering::Relaxed);
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.version.store(3, Ordering::Relaxed);
        let algorithms = &self.provider.signature_verification_algorithms;
        let old = Shown::read(certificate).filter(Shown::is_version_1);
        match old.and_then(|shown| shown.public_key()) {
            Some(key) => verify_tls13_signature_with_raw_key(message, &key, signed, algorithms),
            None => verify_tls13_signature(message, certificate, signed, algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl Verifier {
    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        shown: Option<Shown>,
        authorities: &Authorities,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        host: Option<&ServerName<'_>>,
    ) -> Result<(), Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let signed = verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &authorities.roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        );
        if let Err(error) = signed {
            // A self-signed certificate may be in the CA file itself; rustls accepts no authority as a server.
            let itself = authorities.certificates.iter().any(|known| known == end_entity);
            let unfit = matches!(
                error,
                Error::InvalidCertificate(
                    CertificateError::Other(_) | CertificateError::UnknownIssuer
                )
            );
            if !(itself && unfit) {
                return Err(error);
            }
        }
        let Some(host) = host else { return Ok(()) };
        match verify_server_name(&certificate, host) {
            Err(_) if shown.is_some_and(|shown| shown.is_called(host)) => Ok(()),
            verified => verified,
        }
    }

    fn verify_version_1(
        &self,
        shown: &Shown,
        authorities: &Authorities,
        now: UnixTime,
        host: Option<&ServerName<'_>>,
    ) -> Result<(), Error> {
        let algorithms = self.provider.signature_verification_algorithms.all;
        shown.verify_version_1(&authorities.certificates, now, algorithms)?;
        if host.is_none_or(|host| shown.is_called(host)) {
            Ok(())
        } else {
            Err(CertificateError::NotValidForName.into())
        }
    }
}

#[cfg(test)]
mod tests;
