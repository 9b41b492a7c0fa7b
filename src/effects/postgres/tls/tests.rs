//! Certificates against the names and authorities that they are checked for.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType,
};

use super::*;

/// A certificate of X.509 version 1 for `localhost`, made as PostgreSQL's manual makes one with OpenSSL 3.0.
const VERSION_1: &str = include_str!("../../../../tests/support/certificates/version_1.crt");
/// Its authority.
const VERSION_1_CA: &str = include_str!("../../../../tests/support/certificates/version_1_ca.crt");

struct World {
    authority: Issuer<'static, KeyPair>,
    ca: CertificateDer<'static>,
}

/// What is in a certificate.
#[derive(Default)]
struct Made<'names> {
    common_name: &'names str,
    hosts: &'names [&'names str],
    addresses: &'names [[u8; 4]],
    years: Option<(i32, i32)>,
}

fn authority(name: &str) -> World {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&key).unwrap().der().clone();
    World { authority: Issuer::new(params, key), ca }
}

impl Made<'_> {
    fn params(&self) -> CertificateParams {
        let hosts: Vec<String> = self.hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, self.common_name);
        for address in self.addresses {
            let address = std::net::IpAddr::from(*address);
            params.subject_alt_names.push(SanType::IpAddress(address));
        }
        if let Some((from, to)) = self.years {
            params.not_before = rcgen::date_time_ymd(from, 1, 1);
            params.not_after = rcgen::date_time_ymd(to, 1, 1);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params
    }

    fn signed_by(&self, world: &World) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let signed = self.params().signed_by(&key, &world.authority).unwrap();
        signed.der().clone()
    }

    fn self_signed(&self) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        self.params().self_signed(&key).unwrap().der().clone()
    }
}

/// A verifier that trusts these; `verify-full`, or `verify-ca` without a host.
fn verdict(
    trusted: &[&CertificateDer<'static>],
    shown: &CertificateDer<'static>,
    host: Option<&str>,
    now: UnixTime,
) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add((*certificate).clone()).unwrap();
    }
    let verifier = Verifier {
        trust: Trust::Signed {
            authorities: Arc::new(Authorities {
                roots,
                certificates: trusted.iter().copied().cloned().collect(),
            }),
            host_too: host.is_some(),
        },
        provider: Arc::new(rustls::crypto::ring::default_provider()),
        version: Arc::default(),
    };
    let host = ServerName::try_from(host.unwrap_or("any.example")).unwrap();
    let verified = verifier.verify_server_cert(shown, &[], &host, &[], now);
    verified.map(|_| ()).map_err(|error| error::from_tls(&error).message)
}

#[test]
fn names_are_compared_as_libpq_compares_them() {
    let world = authority("Authority");
    let wild = Made {
        common_name: "ignored.example",
        hosts: &["*.example.com", "other.example"],
        ..Made::default()
    };
    let by_address =
        Made { common_name: "db.example", addresses: &[[10, 1, 2, 3]], ..Made::default() };
    let old = Made { common_name: "*.example.com", ..Made::default() };
    let plain_old = Made { common_name: "10.1.2.3", ..Made::default() };
    for (made, host, taken) in [
        (&wild, "db.example.com", true),
        (&wild, "DB.Example.COM", true),
        (&wild, "other.example", true),
        (&wild, "a.db.example.com", false),
        (&wild, "example.com", false),
        (&wild, "ignored.example", false),
        (&by_address, "10.1.2.3", true),
        (&by_address, "10.1.2.4", false),
        (&by_address, "db.example", false),
        (&old, "db.example.com", true),
        (&old, "a.db.example.com", false),
        (&old, "example.com", false),
        (&plain_old, "10.1.2.3", true),
        (&plain_old, "10.1.2.4", false),
    ] {
        let shown = made.signed_by(&world);
        let found = verdict(&[&world.ca], &shown, Some(host), UnixTime::now());
        assert_eq!(found.is_ok(), taken, "{host}: {found:?}");
        assert_eq!(verdict(&[&world.ca], &shown, None, UnixTime::now()), Ok(()));
    }
}

#[test]
fn the_sentence_says_what_is_wrong_with_a_certificate() {
    let world = authority("Authority");
    let namesake = authority("Authority");
    let other = authority("Somebody else");
    let made = Made {
        common_name: "db.example",
        hosts: &["db.example"],
        addresses: &[[10, 1, 2, 3]],
        years: None,
    };
    let dated = |from, to| Made {
        common_name: "db.example",
        hosts: &["db.example"],
        years: Some((from, to)),
        ..Made::default()
    };
    for (shown, host, said) in [
        (
            made.self_signed(),
            "db.example",
            "The server's certificate is not signed by a trusted authority: it is self-signed.",
        ),
        (
            made.signed_by(&other),
            "db.example",
            "The server's certificate is not signed by a trusted authority, but by “Somebody else”.",
        ),
        (
            made.signed_by(&namesake),
            "db.example",
            "The server's certificate is not signed by the trusted authority “Authority”, but by another one of that name.",
        ),
        (
            dated(2020, 2021).signed_by(&world),
            "db.example",
            "The server's certificate has expired: it was valid until 2021-01-01.",
        ),
        (
            dated(3000, 3001).signed_by(&world),
            "db.example",
            "The server's certificate is not valid yet, but from 3000-01-01 on.",
        ),
        (
            made.signed_by(&world),
            "elsewhere.example",
            "The server's certificate is for another host name: it names db.example, 10.1.2.3, not elsewhere.example.",
        ),
    ] {
        let found = verdict(&[&world.ca], &shown, Some(host), UnixTime::now());
        assert_eq!(found, Err(said.to_owned()));
    }
}

#[test]
fn a_self_signed_certificate_is_trusted_where_it_is_the_ca_file_and_only_while_it_is_valid() {
    let mut made = Made { common_name: "db.example", hosts: &["db.example"], ..Made::default() };
    let shown = made.self_signed();
    let found = verdict(&[&shown], &shown, Some("db.example"), UnixTime::now());
    assert_eq!(found, Ok(()));
    made.years = Some((2020, 2021));
    let shown = made.self_signed();
    let found = verdict(&[&shown], &shown, Some("db.example"), UnixTime::now());
    assert!(found.unwrap_err().contains("has expired"));
}

#[test]
fn a_certificate_of_version_1_is_checked_too() {
    let [shown, ca] = [VERSION_1, VERSION_1_CA]
        .map(|text| CertificateDer::from_pem_slice(text.as_bytes()).unwrap());
    let other = authority("Tusk's old authority").ca;
    let at = |year: i32| {
        let moment = rcgen::date_time_ymd(year, 1, 1).unix_timestamp();
        let seconds = u64::try_from(moment).unwrap();
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
    };
    for (trusted, host, now, said) in [
        (&ca, Some("localhost"), at(2030), None),
        (&ca, None, at(2030), None),
        (&ca, Some("other.example"), at(2030), Some("it names localhost, not other.example")),
        (&ca, Some("localhost"), at(2200), Some("has expired")),
        (&ca, Some("localhost"), at(2000), Some("is not valid yet")),
        (&other, Some("localhost"), at(2030), Some("is not signed by a trusted authority")),
    ] {
        let found = verdict(&[trusted], &shown, host, now);
        match said {
            None => assert_eq!(found, Ok(())),
            Some(said) => assert!(found.unwrap_err().contains(said), "{said}"),
        }
    }
}
