//! Keys that OpenSSL 3 wrote, all of them the same one; the passphrase is `open sesame`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

const PLAIN: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdM9I1ROl8GiEDPBT
6cTu2Rhs9T13LF/Ol4DjJap2Y7ShRANCAARHbvDkRpSZO4o34Prfu8o/JOgAH+PT
k7GzXjl6dTEm8v2R1U/63mAHG5kkC2wFsvfHDkNRz6HcRxoe+4mtxgmO
-----END PRIVATE KEY-----
";
const SEC1: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIHTPSNUTpfBohAzwU+nE7tkYbPU9dyxfzpeA4yWqdmO0oAoGCCqGSM49
AwEHoUQDQgAER27w5EaUmTuKN+D637vKPyToAB/j05Oxs145enUxJvL9kdVP+t5g
BxuZJAtsBbL3xw5DUc+h3EcaHvuJrcYJjg==
-----END EC PRIVATE KEY-----
";
const PBKDF2: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgWf97VJTRrDQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEELMKOpZL9lyH0qqAr/7fskIEgZAI
KVwaKglbvZT+nT3vQg50gQ1luLYAV1tdXe+3SMEPMvpyEibVNPY1YXtE1vRD48kt
4jkc8B75UnO/SnR0LPo5gXx/6RK9EXt83VBRnJuqeQWB7qvYCU/pLdyOrWcraAGF
P4sqcAoDZl3wGy9QRaxQdqC+Pp/h9LAzOVgL1CPq6v+lElIUnBzC37YDfasS3HM=
-----END ENCRYPTED PRIVATE KEY-----
";
const PBKDF2_SHA1: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHeMEkGCSqGSIb3DQEFDTA8MBsGCSqGSIb3DQEFDDAOBAisFgTLnNGOGwICCAAw
HQYJYIZIAWUDBAECBBCte9GB0Z3tDC/SQ10ZjG3HBIGQ19QGwIyEPFZuxkhwvlba
GiNb5Wkm+Z3pN547U9gJoJx0f3lu3/3w4jsTB4XMv4+JjBc35H9g9EpmL3xQUTbr
BhiZVp3x/zggc93NwxVXii0l7/AUqHentjR36nqwe5E7kcam2ATxYpr8bLiQJd1N
mkSloYslgu5FfEvlFKWReoi+ip01cKg/Eer3GX0IS5y7
-----END ENCRYPTED PRIVATE KEY-----
";
const SCRYPT: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHkME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAiCl1rJkLympQICBAAC
AQgCAQEwHQYJYIZIAWUDBAEqBBBBfduNLsyRWl+qCtD5nN02BIGQ3geiDGgfhG3U
0ORTvDECz9VDIsIXB5RfciRyKBFlasl98kn6AMTjUfTSEYmhVQEGSI9a84vq18Pf
K29l/HL2kDDSe0zhfi6cf7dtCmdHNEggvzS6BDEu9T/z02hYaYFw3Sm/naRKsWIO
WoRnftj+w9SEeULK7BgiKzQFxOUZ78JZuT+6NJ+S2kbX6e1auGkM
-----END ENCRYPTED PRIVATE KEY-----
";
const TRADITIONAL: &str = "-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-256-CBC,4B06184EE6592B48397692DAE19E8D81

ZwT7JtZv0kM6R3uiz6swLR3EjPeLk69cRDAypkegu19KuYC9W9lQE5KC0jWMflHA
b5032QI/uRItY03k65yMbDr/v5YsWYGmwEYf68pywS/7933aeAzKr/EzMA53qIOj
mLIWXkf2quRh0npJBwpVai8Y370zcVH3TPB00KE7cnQ=
-----END EC PRIVATE KEY-----
";
const TRIPLE_DES: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHjME4GCSqGSIb3DQEFDTBBMCkGCSqGSIb3DQEFDDAcBAiW1D9JnI4eMwICCAAw
DAYIKoZIhvcNAgkFADAUBggqhkiG9w0DBwQIxPDpR9Q88mkEgZCrF/hfsAtP44MI
uOoPqM/DQJQOs1UsTRa+/6gcYGyZSmw/JLg97f3tzDfASIB+Qzo9nqS2IY7Wkvmh
PD2Ck44NGEExjQ8D+ikx5R2wKBaOL3ibMmKYMeqRBaiLk4cfnWaeGAtiByd7Q99Z
KB/iBzOVZ5ZccoZFOBlZHsvixRLEC3WmhWuzbY7vjnYIRJwxKCQ=
-----END ENCRYPTED PRIVATE KEY-----
";

fn opened(text: &str, passphrase: Option<&str>) -> Result<Vec<u8>, Failure> {
    let secret = passphrase.map(Secret::new);
    decode("client.key", text.as_bytes(), secret.as_ref()).map(|key| key.secret_der().to_vec())
}

#[test]
fn a_key_is_the_same_one_in_whatever_form_it_was_encrypted() {
    let plain = opened(PLAIN, None).unwrap();
    for encrypted in [PBKDF2, PBKDF2_SHA1, SCRYPT] {
        assert_eq!(opened(encrypted, Some("open sesame")).unwrap(), plain);
        let among_others = format!("A comment\n{encrypted}-----BEGIN CERTIFICATE-----\n");
        let found = opened(&among_others, Some("open sesame"));
        assert_eq!(found.unwrap(), plain);
    }
    assert!(opened(SEC1, None).is_ok());
    let binary = decode("client.key", &plain, None).unwrap();
    assert_eq!(binary.secret_der(), plain);
}

#[test]
fn a_missing_and_a_wrong_passphrase_are_asked_for() {
    for encrypted in [PBKDF2, SCRYPT] {
        for (given, said) in [
            (None, "its passphrase is not known"),
            (Some(""), "its passphrase is not known"),
            (Some("open barley"), "does not open the key file client.key"),
        ] {
            let failure = opened(encrypted, given).unwrap_err();
            assert!(failure.message.contains(said), "{failure:?}");
            assert_eq!(failure.category, Category::Ssl);
            assert!(failure.wants_secret(SecretKind::SslKey));
        }
    }
}

#[test]
fn a_form_that_is_not_read_comes_with_the_command_that_converts_it() {
    for (encrypted, said) in
        [(TRADITIONAL, "OpenSSL's traditional form"), (TRIPLE_DES, "a form that is not read here")]
    {
        let failure = opened(encrypted, Some("open sesame")).unwrap_err();
        assert!(failure.message.contains(said), "{failure:?}");
        let advice = failure.next_step.unwrap();
        assert!(advice.contains("openssl pkcs8 -topk8"), "{advice}");
        assert_eq!(failure.wants, None);
    }
}

#[test]
fn what_is_no_key_is_told() {
    for text in ["", "hello", "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----"] {
        let failure = opened(text, None).unwrap_err();
        assert!(failure.message.contains("holds no private key"), "{failure:?}");
    }
    let cut = PBKDF2.replace("MIHs", "!");
    let failure = opened(&cut, Some("open sesame")).unwrap_err();
    assert!(failure.message.contains("is damaged"), "{failure:?}");
}

#[test]
fn only_the_owner_may_read_a_key_and_a_group_what_is_root_s() {
    for (owner, mode, private) in [
        (1000, 0o100_600, true),
        (1000, 0o100_400, true),
        (1000, 0o100_640, false),
        (1000, 0o100_604, false),
        (0, 0o100_640, true),
        (0, 0o100_660, false),
        (0, 0o100_644, false),
    ] {
        assert_eq!(is_private(owner, mode), private, "{owner} {mode:o}");
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("client.key");
    fs::write(&path, PLAIN).unwrap();
    let name = path.to_str().unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(load(name, None).is_ok());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
    let failure = load(name, None).unwrap_err();
    assert!(failure.message.contains("can be read by others"), "{failure:?}");
    assert!(failure.next_step.unwrap().contains(&format!("chmod 600 {name}")));
    let folder = load(directory.path().to_str().unwrap(), None).unwrap_err();
    assert!(folder.message.contains("it is a directory"), "{folder:?}");
}
