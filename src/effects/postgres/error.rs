//! Turns driver, pool, TLS and I/O errors into the one shape that a user sees.
//!
//! An error of tokio-postgres prints only its outermost layer, so this walks its sources. A broken link speaks through
//! several errors at once, which [`lost`] joins into one.

use std::error::Error as _;
use std::io;

use deadpool::managed::{PoolError, TimeoutType};
use tokio_postgres::error::{DbError, ErrorPosition};

use crate::failure::{Category, Failure, advice};

/// A failure in Tusk's own words.
pub fn plain(category: Category, message: impl Into<String>) -> Failure {
    Failure::new(category, message)
}

/// The server, or a proxy in front of it, violated PostgreSQL's protocol.
pub fn servers_fault(message: impl Into<String>) -> Failure {
    plain(Category::Connection, message).with_next_step(
        "Check that this is a PostgreSQL server, and what stands between it and Tusk: a pooler, a proxy. Then reconnect \
         (Reconnect in the palette).",
    )
}

/// What the server says in an error or a notice, with all its fields.
pub fn from_server(error: &DbError) -> Failure {
    let code = error.code().code();
    // Not the severity in the server's language: FATAL is recognised by its name.
    let severity = match error.parsed_severity() {
        Some(severity) => severity.to_string(),
        None => error.severity().to_owned(),
    };
    let category = category(&severity, code, error.message());
    let mut failure = Failure::new(category, error.message());
    failure.severity = severity;
    failure.sqlstate = Some(code.to_owned());
    failure.detail = error.detail().map(str::to_owned);
    failure.hint = error.hint().map(str::to_owned);
    match error.position() {
        Some(ErrorPosition::Original(position)) => failure.position = Some(*position),
        Some(ErrorPosition::Internal { position, query }) => {
            failure.internal = Some((*position, query.clone()))
        }
        None => {}
    }
    failure.context = error.where_().map(str::to_owned);
    failure.schema = error.schema().map(str::to_owned);
    failure.table = error.table().map(str::to_owned);
    failure.column = error.column().map(str::to_owned);
    failure.data_type = error.datatype().map(str::to_owned);
    failure.constraint = error.constraint().map(str::to_owned);
    failure.source = source(error.routine(), error.file(), error.line());
    failure.next_step = advice::next_step(&failure);
    failure
}

/// The place in PostgreSQL's own source.
fn source(routine: Option<&str>, file: Option<&str>, line: Option<u32>) -> Option<String> {
    match (routine, file, line) {
        (Some(routine), Some(file), Some(line)) => Some(format!("{routine}, {file}:{line}")),
        (routine, ..) => routine.map(str::to_owned),
    }
}

/// The same, from the fields of an ErrorResponse that the driver does not see.
pub fn from_fields(body: &[u8]) -> Failure {
    let fields: Vec<(u8, String)> = body
        .split(|byte| *byte == 0)
        .filter_map(|field| field.split_first())
        .map(|(kind, text)| (*kind, String::from_utf8_lossy(text).into_owned()))
        .collect();
    let field = |kind: u8| {
        let found = fields.iter().find(|(of, _)| *of == kind);
        found.map(|(_, text)| text.clone())
    };
    let number = |kind: u8| field(kind).and_then(|text| text.parse::<u32>().ok());
    let (code, message) = (
        field(b'C').unwrap_or_default(),
        field(b'M').unwrap_or_else(|| "The server gave no message.".into()),
    );
    let severity = field(b'V').or(field(b'S')).unwrap_or_default();
    let mut failure = Failure::new(category(&severity, &code, &message), message);
    failure.severity = severity;
    failure.sqlstate = Some(code).filter(|code| !code.is_empty());
    failure.detail = field(b'D');
    failure.hint = field(b'H');
    failure.position = number(b'P');
    failure.internal = number(b'p').zip(field(b'q'));
    failure.context = field(b'W');
    failure.schema = field(b's');
    failure.table = field(b't');
    failure.column = field(b'c');
    failure.data_type = field(b'd');
    failure.constraint = field(b'n');
    failure.source = source(field(b'R').as_deref(), field(b'F').as_deref(), number(b'L'));
    failure.next_step = advice::next_step(&failure);
    failure
}

pub fn from_driver(error: &tokio_postgres::Error) -> Failure {
    if let Some(error) = error.as_db_error() {
        return from_server(error);
    }
    if error.is_closed() {
        return plain(Category::Connection, "The server closed the connection.");
    }
    let outer = error.to_string();
    if outer.starts_with("invalid configuration") && chain(error).contains("password missing") {
        return password_required();
    }
    if let Some(cause) = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()) {
        return from_io(cause);
    }
    if outer.starts_with("authentication error") {
        if chain(error).contains("channel binding") {
            return super::connect::login::Refused::Unbound("did not use it").failure();
        }
        return plain(
            Category::Authentication,
            format!("The server could not be authenticated with: {}.", chain(error)),
        );
    }
    let words = chain(error);
    if SERVERS.iter().any(|begin| outer.starts_with(begin)) {
        return servers_fault(format!(
            "The server did not keep to PostgreSQL's protocol: {words}."
        ));
    }
    plain(Category::Internal, format!("The driver failed: {words}."))
}

/// How the driver's errors about the server's messages begin.
const SERVERS: [&str; 3] = [
    "unexpected message from server",
    "error parsing response from server",
    "timeout waiting for server",
];

/// The server wants a password and none was given. Has the SQLSTATE of a wrong password, so that both ask for one, and
/// no severity, because the server did not say it.
pub fn password_required() -> Failure {
    let mut failure = plain(Category::Authentication, "password required");
    failure.sqlstate = Some("28P01".into());
    failure.next_step = advice::next_step(&failure);
    failure
}

pub fn from_io(error: &io::Error) -> Failure {
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return from_tls(tls);
    }
    if let Some(super::ssh::Ended(failure)) =
        error.get_ref().and_then(|inner| inner.downcast_ref::<super::ssh::Ended>())
    {
        return failure.clone();
    }
    if let Some(malformed) =
        error.get_ref().and_then(|inner| inner.downcast_ref::<super::wire::frames::Malformed>())
    {
        return malformed.failure();
    }
    if let Some(refused) =
        error.get_ref().and_then(|inner| inner.downcast_ref::<super::connect::login::Refused>())
    {
        return refused.failure();
    }
    let message = match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "The connection was refused: nothing listens there.".to_owned()
        }
        io::ErrorKind::ConnectionReset => "The connection was reset by the other side.".to_owned(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            "The connection broke.".to_owned()
        }
        io::ErrorKind::UnexpectedEof => "The server closed the connection.".to_owned(),
        io::ErrorKind::TimedOut => {
            "The network is cut: nothing has come from the server for too long.".to_owned()
        }
        io::ErrorKind::HostUnreachable => "The host can't be reached from here.".to_owned(),
        io::ErrorKind::NetworkUnreachable => {
            "The network of the host can't be reached from here.".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "The operating system does not allow this connection.".to_owned()
        }
        _ => format!("The connection failed: {}.", chain(error)),
    };
    plain(Category::Connection, message)
}

/// The server supports none of the TLS versions that Tusk offers.
pub const OLD_TLS: &str = "The server speaks only versions of TLS that are too old to be safe.";

/// Why TLS could not be negotiated.
pub fn from_tls(error: &rustls::Error) -> Failure {
    use rustls::{CertificateError as Certificate, Error, PeerIncompatible};
    let message = match error {
        Error::InvalidCertificate(Certificate::Other(other)) => {
            match other.0.downcast_ref::<super::tls::certificate::Refused>() {
                Some(refused) => refused.to_string(),
                None => format!("The server's certificate is not accepted: {other}."),
            }
        }
        Error::InvalidCertificate(certificate) => {
            format!("The server's certificate is not accepted: {certificate}.")
        }
        Error::AlertReceived(alert) => from_alert(*alert),
        Error::PeerIncompatible(
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::ServerDoesNotSupportTls12Or13,
        ) => OLD_TLS.to_owned(),
        other => format!("TLS could not be agreed on: {other}."),
    };
    let failure = plain(Category::Ssl, message);
    if failure.message.contains("trusted authority") {
        return failure.with_next_step(
            "If this is the right server, name the file of the authority that signed its certificate as the root \
             certificate of the connection.",
        );
    }
    failure
}

/// What the server says when it ends the handshake: mostly its objection to the client's certificate.
fn from_alert(alert: rustls::AlertDescription) -> String {
    use rustls::AlertDescription as Alert;
    let message = match alert {
        Alert::CertificateRequired => {
            "The server wants a client certificate, and this connection has none."
        }
        Alert::UnknownCA => {
            "The server does not accept the client certificate: it does not trust the authority that signed it."
        }
        Alert::CertificateExpired => {
            "The server does not accept the client certificate: it has expired."
        }
        Alert::CertificateRevoked => {
            "The server does not accept the client certificate: it has been revoked."
        }
        Alert::BadCertificate
        | Alert::CertificateUnknown
        | Alert::UnsupportedCertificate
        | Alert::AccessDenied
        | Alert::DecryptError => "The server does not accept the client certificate.",
        Alert::ProtocolVersion => OLD_TLS,
        Alert::HandshakeFailure => {
            "The server found no way to speak TLS that both sides know, or wants a client certificate."
        }
        Alert::UnrecognisedName => "The server's TLS knows no host of this name.",
        other => return format!("The server ended the TLS handshake: {other:?}."),
    };
    message.to_owned()
}

/// Why the pool has no connection to give.
pub fn from_pool(error: PoolError<Failure>, waited_s: u32) -> Failure {
    match error {
        PoolError::Backend(failure) => failure,
        PoolError::Timeout(TimeoutType::Wait) => plain(
            Category::PoolTimeout,
            format!("No connection of the pool came free within {waited_s} s."),
        ),
        PoolError::Timeout(_) => plain(Category::Connection, "The server did not answer in time."),
        PoolError::Closed => plain(Category::Connection, "This connection is closed."),
        PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
            plain(Category::Internal, "The pool failed to make a connection.")
        }
    }
}

/// Joins what is known about a broken link: the query's error, the connection's own, and the last notice.
pub fn lost(query: Option<Failure>, link: Option<Failure>, notice: Option<Failure>) -> Failure {
    let fatal = |failure: &Failure| {
        matches!(failure.severity.as_str(), "FATAL" | "PANIC") || is_shutdown(failure)
    };
    // A link in a tunnel only sees that no more data arrives; the tunnel knows why.
    let known = |failure: &Failure| failure.message != CLOSED;
    let tunnels = |failure: &Option<Failure>| {
        failure.as_ref().is_some_and(|failure| failure.category == Category::Ssh)
    };
    let mut best = None;
    let mut earlier = None;
    for candidate in [query, link].into_iter().flatten() {
        if fatal(&candidate) {
            return candidate;
        }
        if candidate.sqlstate.is_some() {
            earlier = Some(candidate);
        } else if best.is_none() || known(&candidate) && !tunnels(&best) {
            best = Some(candidate);
        }
    }
    if let Some(notice) = notice.filter(is_shutdown).filter(|_| !tunnels(&best)) {
        return Failure { category: Category::Connection, ..notice };
    }
    let mut failure = best.unwrap_or_else(|| plain(Category::Connection, CLOSED));
    if failure.category != Category::Ssh {
        failure.category = Category::Connection;
    }
    if let Some(earlier) = earlier {
        failure.detail = Some(format!("Before that, the server said: {}", earlier.message));
    }
    failure
}

pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let inner = error.to_string();
        if !text.contains(&inner) {
            text.push_str(": ");
            text.push_str(&inner);
        }
        source = error.source();
    }
    text
}

const CLOSED: &str = "The server closed the connection.";

/// Whether the server ends this session by itself: shutdown, crash, terminated, dropped database, idle for too long.
fn is_shutdown(failure: &Failure) -> bool {
    matches!(failure.sqlstate.as_deref(), Some("57P01" | "57P02" | "57P04" | "57P05" | "25P03"))
}

fn category(severity: &str, sqlstate: &str, message: &str) -> Category {
    match sqlstate {
        // The session lives: the error concerns a link or a database of the statement's own.
        "3D000" | "08000" | "08001" | "08003" | "08004" | "08006" if severity == "ERROR" => {
            Category::Query
        }
        "57014" if message.contains("user request") => Category::Cancelled,
        "53300" | "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "3D000" => {
            Category::Connection
        }
        code if code.starts_with("08") => Category::Connection,
        code if code.starts_with("28") => Category::Authentication,
        _ => Category::Query,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(severity: &str, sqlstate: &str, message: &str) -> Failure {
        let mut failure = plain(category(severity, sqlstate, message), message);
        failure.severity = severity.into();
        failure.sqlstate = Some(sqlstate.into());
        failure
    }

    fn closed() -> Failure {
        plain(Category::Connection, CLOSED)
    }

    #[test]
    fn an_error_without_fields_has_words_all_the_same() {
        let failure = from_fields(b"\0");
        assert_eq!(failure.message, "The server gave no message.");
        assert_eq!((failure.sqlstate, failure.category), (None, Category::Query));
    }

    #[test]
    fn a_fatal_error_tells_more_than_the_closed_connection_after_it() {
        let fatal = said("FATAL", "57P01", "terminating connection");
        assert_eq!(lost(Some(fatal.clone()), Some(closed()), None), fatal);
        assert_eq!(lost(Some(closed()), Some(fatal.clone()), None), fatal);
    }

    #[test]
    fn a_crash_is_known_from_the_notice_before_it() {
        let notice = said(
            "WARNING",
            "57P02",
            "terminating connection because of crash of another server process",
        );
        let other = said("NOTICE", "00000", "hello");
        assert_eq!(
            lost(Some(closed()), Some(closed()), Some(notice.clone())).message,
            notice.message
        );
        assert_eq!(lost(Some(closed()), None, Some(other)), closed());
    }

    #[test]
    fn a_reset_tells_more_than_closed() {
        let reset = from_io(&io::ErrorKind::ConnectionReset.into());
        assert_eq!(lost(Some(closed()), Some(reset.clone()), None), reset);
        assert_eq!(lost(Some(reset.clone()), Some(closed()), None), reset);
    }

    #[test]
    fn the_end_of_a_tunnel_tells_more_than_what_its_link_saw() {
        let tunnel = plain(Category::Ssh, "The SSH tunnel to far broke.");
        let ended = io::Error::other(super::super::ssh::Ended(tunnel.clone()));
        assert_eq!(from_io(&ended), tunnel);
        let reset = from_io(&io::ErrorKind::ConnectionReset.into());
        for other in [closed(), reset] {
            let link = || Some(tunnel.clone());
            assert_eq!(lost(Some(other.clone()), link(), None), tunnel);
            assert_eq!(lost(link(), Some(other), None), tunnel);
        }
        let before = said("ERROR", "22012", "division by zero");
        let failure = lost(Some(before), Some(tunnel.clone()), None);
        assert_eq!(failure.message, tunnel.message);
        assert!(failure.detail.is_some_and(|detail| detail.ends_with("division by zero")));
    }

    #[test]
    fn an_error_of_the_statement_is_kept_as_a_detail_of_the_loss() {
        let failure = lost(Some(said("ERROR", "22012", "division by zero")), Some(closed()), None);
        assert_eq!(failure.message, CLOSED);
        assert_eq!(
            failure.detail.as_deref(),
            Some("Before that, the server said: division by zero")
        );
    }

    #[test]
    fn a_timeout_is_told_from_a_cancel() {
        assert_eq!(
            category("ERROR", "57014", "canceling statement due to user request"),
            Category::Cancelled
        );
        assert_eq!(
            category("ERROR", "57014", "canceling statement due to statement timeout"),
            Category::Query
        );
        assert_eq!(category("FATAL", "28P01", ""), Category::Authentication);
        for code in ["08006", "3D000"] {
            assert_eq!(category("FATAL", code, ""), Category::Connection);
            assert_eq!(category("ERROR", code, ""), Category::Query);
        }
    }

    #[test]
    fn every_layer_of_an_error_is_printed_once() {
        let error = io::Error::other(io::Error::other("the cause"));
        assert_eq!(chain(&error), "the cause");
    }
}
