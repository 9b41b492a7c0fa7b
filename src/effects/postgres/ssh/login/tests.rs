//! Keys in files: which are encrypted, which open, and what is said of those that don't.

use super::*;

const PLAIN: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
    -----END PRIVATE KEY-----\n";
/// Its passphrase is `test`.
const ENCRYPTED: &str = "-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABD1phlku5
A2G7Q9iP+DcOc9AAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIHeLC1lWiCYrXsf/
85O/pkbUFZ6OGIt49PX3nw8iRoXEAAAAkKRF0st5ZI7xxo9g6A4m4l6NarkQre3mycqNXQ
dP3jryYgvsCIBAA5jMWSjrmnOTXhidqcOy4xYCrAttzSnZ/cUadfBenL+DQq6neffw7j8r
0tbCxVGp6yCQlKrgSZf6c0Hy7dNEIU2bJFGxLe6/kWChcUAt/5Ll5rI7DVQPJdLgehLzvv
sJWR7W+cGvJ/vLsw==
-----END OPENSSH PRIVATE KEY-----
";

fn read(text: &str, passphrase: Option<&str>) -> Result<PrivateKey, Failure> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    std::fs::write(&file, text).unwrap();
    read_key(&file, passphrase.map(Secret::new).as_ref())
}

#[test]
fn a_key_without_a_passphrase_needs_none_and_minds_none() {
    assert!(read(PLAIN, None).is_ok());
    assert!(read(PLAIN, Some("of another key")).is_ok());
}

#[test]
fn an_encrypted_key_wants_its_passphrase_and_a_wrong_one_is_told_from_none() {
    assert!(read(ENCRYPTED, Some("test")).is_ok());
    for (passphrase, words) in
        [(None, "is encrypted"), (Some(""), "is encrypted"), (Some("toast"), "does not open")]
    {
        let failure = read(ENCRYPTED, passphrase).unwrap_err();
        assert_eq!(failure.category, Category::Ssh);
        assert!(failure.message.contains(words), "{failure:?}");
        assert!(failure.wants_secret(SecretKind::Ssh));
    }
}

#[test]
fn what_is_no_key_asks_for_no_passphrase() {
    let failure = read("ssh-ed25519 AAAA public", None).unwrap_err();
    assert!(failure.message.contains("holds no SSH key"), "{failure:?}");
    assert_eq!(failure.wants, None);
    let missing = read_key(Path::new("/nowhere/at/all"), None).unwrap_err();
    assert!(missing.message.contains("can't be read"), "{missing:?}");
}

#[test]
fn a_path_in_the_home_is_found_there() {
    let home = dirs::home_dir().unwrap();
    assert_eq!(in_home("~/.ssh/id_ed25519"), home.join(".ssh/id_ed25519"));
    assert_eq!(in_home("/etc/key"), PathBuf::from("/etc/key"));
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_no_key_and_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, rustix::fs::Mode::RUSR, 0).unwrap();
    for (thing, word) in [(pipe.as_path(), "a pipe"), (Path::new("/dev/zero"), "a device")] {
        let said = read_key(thing, None).unwrap_err().message;
        assert!(said.contains(word) && said.contains(&thing.display().to_string()), "{said}");
    }
}
