//! What a server's certificate says: for the messages, and for what webpki leaves out.
//!
//! PostgreSQL's own manual makes certificates that name their host only in the common name, and with OpenSSL before 3.2
//! they are X.509 version 1. libpq accepts both, so they are checked here.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, civil};
use rustls::{CertificateError, Error, OtherError};
use rustls_pki_types::{
    CertificateDer, ServerName, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer, UnixTime,
};
use webpki::RawPublicKeyEntity;
use x509_cert::certificate::{Certificate, Version};
use x509_cert::der::oid::db::rfc4519::CN;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

/// A parsed certificate.
pub struct Shown(Certificate);

/// Why a certificate was refused, as a sentence.
#[derive(Debug)]
pub struct Refused(String);

impl Shown {
    /// Parses a certificate; none if it isn't one.
    pub fn read(der: &[u8]) -> Option<Self> {
        Certificate::from_der(der).ok().map(Self)
    }

    /// Whether it is of version 1, which has no extensions.
    pub fn is_version_1(&self) -> bool {
        self.0.tbs_certificate.version == Version::V1
    }

    pub fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'static>> {
        let key = self.0.tbs_certificate.subject_public_key_info.to_der();
        key.ok().map(SubjectPublicKeyInfoDer::from)
    }

    /// Whether its common name is the host's; this counts only if the certificate has no other name.
    pub fn is_called(&self, host: &ServerName<'_>) -> bool {
        let Some(called) = common_name(&self.0.tbs_certificate.subject) else {
            return false;
        };
        self.alternative_names().is_empty() && matches(&called, &host.to_str())
    }

    /// Verifies a version 1 certificate: it must be valid now, and signed directly by one of the authorities.
    pub fn verify_version_1(
        &self,
        authorities: &[CertificateDer<'_>],
        now: UnixTime,
        algorithms: &[&dyn SignatureVerificationAlgorithm],
    ) -> Result<(), Error> {
        let moment = |at: Duration| UnixTime::since_unix_epoch(at);
        let validity = &self.0.tbs_certificate.validity;
        let not_before = moment(validity.not_before.to_unix_duration());
        let not_after = moment(validity.not_after.to_unix_duration());
        if now.as_secs() < not_before.as_secs() {
            return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
        }
        if now.as_secs() > not_after.as_secs() {
            return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
        }
        let message = self.0.tbs_certificate.to_der().unwrap_or_default();
        let signature = self.0.signature.as_bytes().unwrap_or_default();
        let signed = |authority: &CertificateDer<'_>| {
            let authority = Self::read(authority)?;
            if authority.0.tbs_certificate.subject != self.0.tbs_certificate.issuer {
                return None;
            }
            let key = authority.public_key()?;
            let key = RawPublicKeyEntity::try_from(&key).ok()?;
            algorithms
                .iter()
                .find(|known| key.verify_signature(**known, &message, signature).is_ok())
                .map(|_| ())
        };
        authorities.iter().find_map(signed).ok_or_else(|| CertificateError::UnknownIssuer.into())
    }

    /// The host names and addresses that it is for.
    fn names(&self) -> Vec<String> {
        let names = self.alternative_names();
        if names.is_empty() {
            return common_name(&self.0.tbs_certificate.subject).into_iter().collect();
        }
        names
    }

    fn alternative_names(&self) -> Vec<String> {
        let found = self.0.tbs_certificate.get::<SubjectAltName>();
        let Ok(Some((_, SubjectAltName(names)))) = found else {
            return Vec::new();
        };
        names.iter().filter_map(host_name).collect()
    }

    fn is_self_signed(&self) -> bool {
        self.0.tbs_certificate.subject == self.0.tbs_certificate.issuer
    }

    fn issuer(&self) -> String {
        let issuer = &self.0.tbs_certificate.issuer;
        common_name(issuer).unwrap_or_else(|| issuer.to_string())
    }
}

/// Adds a sentence about the certificate to the error, if that helps.
pub fn explained(error: Error, der: &[u8], host: &ServerName<'_>) -> Error {
    let (Error::InvalidCertificate(cause), Some(shown)) = (&error, Shown::read(der)) else {
        return error;
    };
    let why = match cause {
        CertificateError::UnknownIssuer | CertificateError::Other(_) if shown.is_self_signed() => {
            "is not signed by a trusted authority: it is self-signed".to_owned()
        }
        CertificateError::UnknownIssuer => {
            format!("is not signed by a trusted authority, but by “{}”", shown.issuer())
        }
        CertificateError::BadSignature => format!(
            "is not signed by the trusted authority “{}”, but by another one of that name",
            shown.issuer()
        ),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("has expired: it was valid until {}", day(*not_after))
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("is not valid yet, but from {} on", day(*not_before))
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let names = shown.names();
            let named = if names.is_empty() { "no host".to_owned() } else { names.join(", ") };
            format!("is for another host name: it names {named}, not {}", host.to_str())
        }
        _ => return error,
    };
    let refused = Refused(format!("The server's certificate {why}."));
    CertificateError::Other(OtherError(Arc::new(refused))).into()
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

fn host_name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from).ok();
            let sixteen = <[u8; 16]>::try_from(bytes).map(IpAddr::from).ok();
            four.or(sixteen).map(|address| address.to_string())
        }
        _ => None,
    }
}

fn common_name(name: &Name) -> Option<String> {
    let mut parts = name.0.iter().flat_map(|part| part.0.iter());
    let value = parts.rfind(|part| part.oid == CN)?.value.value();
    std::str::from_utf8(value).ok().map(str::to_owned)
}

/// Whether a name matches a host; a leading `*.` stands for one label, as in libpq.
fn matches(called: &str, host: &str) -> bool {
    if called.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some(parent), Some((label, rest))) = (called.strip_prefix("*."), host.split_once('.'))
    else {
        return false;
    };
    host.parse::<IpAddr>().is_err()
        && !label.is_empty()
        && parent.contains('.')
        && rest.eq_ignore_ascii_case(parent)
}

fn day(at: UnixTime) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    let day = civil::date(1970, 1, 1).checked_add(SignedDuration::from_secs(seconds));
    day.map_or_else(|_| "another time".into(), |day| day.to_string())
}
