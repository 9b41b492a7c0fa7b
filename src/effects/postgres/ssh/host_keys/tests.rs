//! known_hosts as OpenSSH means it, line by line.

use super::*;

const FIRST: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
const SECOND: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";
const ECDSA: &str = "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMxBTpMIGvo7CnordO7wP0QQRqpBwUjOLl4eMhfucfE1sjTYyK5wmTl1UqoSDS1PtRVTBdl+0+9pquFb46U7fwg=";

struct Files {
    directory: tempfile::TempDir,
    known: KnownHosts,
}

fn files(text: &str) -> Files {
    let directory = tempfile::tempdir().unwrap();
    let theirs = directory.path().join("theirs");
    fs::write(&theirs, text).unwrap();
    let own = directory.path().join("data").join("known_hosts");
    let known =
        KnownHosts { theirs: vec![theirs, directory.path().join("missing")], own: Some(own) };
    Files { directory, known }
}

fn public(key: &str) -> PublicKey {
    PublicKey::from_bytes(&BASE64.decode(key.as_bytes()).unwrap()).unwrap()
}

fn server(host: &str, port: u16) -> Server {
    Server { host: host.into(), port }
}

#[track_caller]
fn judge(text: &str, host: &str, port: u16, key: &str) -> Result<(), Failure> {
    let files = files(text);
    files.known.of(&server(host, port)).unwrap().judge(&public(key))
}

#[track_caller]
fn is_unknown(judged: Result<(), Failure>) -> Failure {
    let failure = judged.unwrap_err();
    assert!(matches!(failure.wants, Some(Want::HostKey(_))), "{failure:?}");
    failure
}

#[track_caller]
fn is_refused(judged: Result<(), Failure>, word: &str) -> Failure {
    let failure = judged.unwrap_err();
    assert_eq!(failure.wants, None, "nothing accepts it: {failure:?}");
    assert!(failure.message.contains(word), "{failure:?}");
    failure
}

#[test]
fn a_name_is_known_however_it_is_written() {
    let hashed = "|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak=";
    for (names, host, port) in [
        ("bastion", "bastion", 22),
        ("Bastion.Example", "bastion.EXAMPLE", 22),
        ("other,bastion,10.0.0.1", "bastion", 22),
        ("[bastion]:2222", "bastion", 2222),
        ("*.example", "bastion.example", 22),
        ("b?stion", "bastion", 22),
        ("[*.example]:22??", "a.example", 2222),
        (hashed, "example.com", 22),
    ] {
        let line = format!("# a note\n\n{names}\tssh-ed25519   {FIRST} somebody@somewhere else\n");
        assert_eq!(judge(&line, host, port, FIRST), Ok(()), "{names}");
        is_refused(judge(&line, host, port, SECOND), "has changed");
    }
}

#[test]
fn another_name_or_port_makes_no_key_known() {
    for (names, host, port) in [
        ("bastion", "bastion", 2222),
        ("[bastion]:2222", "bastion", 22),
        ("bastion", "bastion.example", 22),
        ("*.example,!bastion.example", "bastion.example", 22),
        ("!bastion.example,*.example", "bastion.example", 22),
        ("|1|not base 64|either", "bastion", 22),
        ("b??stion", "bastion", 22),
    ] {
        is_unknown(judge(&format!("{names} ssh-ed25519 {FIRST}\n"), host, port, FIRST));
    }
}

#[test]
fn one_of_several_keys_is_enough() {
    let text = format!("bastion ssh-ed25519 {FIRST}\nbastion ssh-ed25519 {SECOND}\n");
    assert_eq!(judge(&text, "bastion", 22, FIRST), Ok(()));
    assert_eq!(judge(&text, "bastion", 22, SECOND), Ok(()));
}

#[test]
fn a_changed_key_says_both_fingerprints_and_the_line_of_the_old_one() {
    let text = format!("# first\nelse ssh-ed25519 {SECOND}\nbastion ssh-ed25519 {FIRST}\n");
    let failure = is_refused(judge(&text, "bastion", 22, SECOND), "has changed");
    let detail = failure.detail.unwrap();
    for part in [fingerprint(&public(FIRST)), fingerprint(&public(SECOND)), "theirs:3".to_owned()] {
        assert!(detail.contains(&part), "{part} is missing in {detail}");
    }
}

#[test]
fn a_revoked_key_is_refused_even_where_it_is_known() {
    let text = format!("bastion ssh-ed25519 {FIRST}\n@revoked * ssh-ed25519 {FIRST}\n");
    let failure = is_refused(judge(&text, "bastion", 22, FIRST), "revoked");
    assert!(failure.detail.unwrap().contains("theirs:2"));
    let elsewhere = format!("bastion ssh-ed25519 {FIRST}\n@revoked other ssh-ed25519 {FIRST}\n");
    assert_eq!(judge(&elsewhere, "bastion", 22, FIRST), Ok(()));
}

#[test]
fn an_authority_vouches_for_no_plain_key() {
    let text = format!("@cert-authority * ssh-ed25519 {FIRST}\n");
    is_unknown(judge(&text, "bastion", 22, FIRST));
    is_unknown(judge(&text, "bastion", 22, SECOND));
    is_unknown(judge(&format!("@odd bastion ssh-ed25519 {FIRST}"), "bastion", 22, FIRST));
}

#[test]
fn the_known_algorithm_is_asked_for_first_and_another_one_is_not_known_by_it() {
    let text = format!("bastion ecdsa-sha2-nistp256 {ECDSA}\n");
    let files = files(&text);
    let known = files.known.of(&server("bastion", 22)).unwrap();
    let usual = russh::Preferred::DEFAULT.key;
    let preferred = known.preferred(&usual);
    assert_eq!(preferred[0].as_str(), "ecdsa-sha2-nistp256");
    assert_eq!(preferred.len(), usual.len() - 1, "all but RSA with SHA-1");
    let failure = is_unknown(known.judge(&public(FIRST)));
    assert!(failure.detail.unwrap().contains("ecdsa-sha2-nistp256"));
    assert!(files.directory.path().exists());
}

#[test]
fn lines_that_can_t_be_read_are_passed_over() {
    let text = format!(
        "bastion\nbastion ssh-ed25519\nbastion ssh-ed25519 %%%\n\u{0}\nbastion ssh-ed25519 {FIRST}"
    );
    assert_eq!(judge(&text, "bastion", 22, FIRST), Ok(()));
}

#[test]
fn a_file_that_is_there_and_can_t_be_read_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let known = KnownHosts { theirs: vec![directory.path().to_owned()], own: None };
    let Err(failure) = known.of(&server("bastion", 22)) else {
        panic!("a directory was read");
    };
    assert!(failure.message.contains("can't be read"), "{failure:?}");
}

fn asked(key: &str, host: &str, port: u16) -> HostKey {
    match is_unknown(judge("", host, port, key)).wants {
        Some(Want::HostKey(key)) => key,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_learnt_key_is_known_for_its_host_and_port_alone() {
    let files = files("");
    files.known.learn(&asked(FIRST, "Bastion", 2222)).unwrap();
    files.known.learn(&asked(SECOND, "::1", 22)).unwrap();
    let own = files.known.own.clone().unwrap();
    let text = fs::read_to_string(&own).unwrap();
    assert_eq!(text, format!("[bastion]:2222 ssh-ed25519 {FIRST}\n::1 ssh-ed25519 {SECOND}\n"));
    let judged = |host, port, key| files.known.of(&server(host, port)).unwrap().judge(&public(key));
    assert_eq!(judged("bastion", 2222, FIRST), Ok(()));
    assert_eq!(judged("::1", 22, SECOND), Ok(()));
    is_unknown(judged("bastion", 22, FIRST));
    let failure = is_refused(judged("bastion", 2222, SECOND), "has changed");
    assert!(failure.next_step.unwrap().contains("remove line 1 of"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(own).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(fs::read_to_string(&files.known.theirs[0]).unwrap(), "");
}

#[test]
fn a_key_goes_onto_a_line_of_its_own_after_a_cut_one() {
    let files = files("");
    let own = files.known.own.clone().unwrap();
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    fs::write(&own, "other ssh-ed25519 AAAA").unwrap();
    files.known.learn(&asked(FIRST, "bastion", 22)).unwrap();
    let text = fs::read_to_string(&own).unwrap();
    assert_eq!(text, format!("other ssh-ed25519 AAAA\nbastion ssh-ed25519 {FIRST}\n"));
}

#[test]
fn nothing_else_than_the_key_that_was_shown_is_ever_written() {
    let files = files("");
    let right = asked(FIRST, "bastion", 22);
    let wrong = [
        HostKey { host: "bastion *".into(), ..right.clone() },
        HostKey { host: "*".into(), ..right.clone() },
        HostKey { host: String::new(), ..right.clone() },
        HostKey { key: format!("{FIRST}\nevil ssh-ed25519 {SECOND}"), ..right.clone() },
        HostKey { key: SECOND.into(), ..right.clone() },
        HostKey { algorithm: "ssh-rsa".into(), ..right },
    ];
    for key in wrong {
        assert!(files.known.learn(&key).is_err(), "{key:?}");
    }
    assert!(!files.known.own.unwrap().exists());
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_an_error_that_names_it_and_no_key_is_written_there() {
    use std::os::unix::fs::symlink;
    let mut files = files("");
    let pipe = files.directory.path().join("pipe");
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, rustix::fs::Mode::RUSR, 0).unwrap();
    let link = files.directory.path().join("link");
    symlink("/dev/zero", &link).unwrap();
    for thing in [&pipe, &link, &files.directory.path().to_owned()] {
        files.known.theirs = vec![thing.clone()];
        let failure = files.known.of(&server("host", 22)).err().unwrap();
        let said = failure.message;
        assert!(said.contains(&thing.display().to_string()) && said.contains("it is a"), "{said}");
        files.known.own = Some(thing.clone());
        let key = HostKey {
            host: "host".into(),
            port: 22,
            algorithm: "ssh-ed25519".into(),
            fingerprint: String::new(),
            key: FIRST.into(),
        };
        assert!(files.known.learn(&key).is_err());
    }
}
