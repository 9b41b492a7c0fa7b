//! The advice itself: by SQLSTATE, by class of SQLSTATE, by words, by category.

use crate::failure::Category;

/// The advice for a SQLSTATE, or else for its class. Success and warnings need none.
pub(super) fn advice(code: &str) -> Option<&'static str> {
    let of = |table: &[(&str, &'static str)], key: &str| {
        table.iter().find(|(known, _)| *known == key).map(|(_, advice)| *advice)
    };
    of(CODES, code).or_else(|| of(CLASSES, code.get(..2)?))
}

/// The first advice with its words in the message, which is in lower case.
pub(super) fn by_words(
    table: &[(&'static [&'static str], &'static str)],
    message: &str,
) -> Option<&'static str> {
    let found = table.iter().find(|(words, _)| words.iter().any(|word| message.contains(word)));
    found.map(|(_, advice)| *advice)
}

/// Advice for logins that are refused before any password is checked (28000).
pub(super) fn refused_login(message: &str) -> Option<&'static str> {
    by_words(
        &[
            (
                &["no encryption", "ssl off"],
                "The server may want TLS for this: set the SSL mode to require. Or ask for a line in its pg_hba.conf.",
            ),
            (
                &["pg_hba.conf"],
                "The server's pg_hba.conf has no line for this user, database and address. Ask its administrator for one.",
            ),
            (
                &["peer authentication", "ident authentication"],
                "The server wants the name of the operating system's user here. Take that user, or connect over TCP (localhost) with a password.",
            ),
            (
                &["certificate authentication"],
                "The client certificate must name this user. Check the certificate and the key in the connection.",
            ),
            (
                &["not permitted to log in"],
                "The role may not log in. Take another user, or have ALTER ROLE … LOGIN run.",
            ),
            (
                &["does not exist"],
                "Check the user name of the connection: the server has no such role.",
            ),
        ],
        message,
    )
}

/// A statement that exceeded its timeout (57014).
pub(super) const TIMED_OUT: &str = "It took longer than statement_timeout. Raise it in the connection or with SET statement_timeout, or make the statement cheaper (Explain).";
/// A statement that the user cancelled (57014).
pub(super) const STOPPED_AS_ASKED: &str = "It was stopped as asked. Inside a transaction, roll back before you go on (Roll back in the palette).";
/// A statement that nobody here cancelled (57014).
pub(super) const STOPPED_BY_ANOTHER: &str = "Somebody else cancelled it (pg_cancel_backend). Ask before you run it again; inside a transaction, roll back first (Roll back in the palette).";
/// A stopped statement whose message is not English (57014).
pub(super) const STOPPED_SOMEHOW: &str = "It took longer than statement_timeout, or somebody else cancelled it: the message says which. Inside a transaction, roll back before you go on (Roll back in the palette).";

/// Advice for stopped statements (57014).
pub(super) fn stopped(message: &str) -> Option<&'static str> {
    by_words(
        &[
            (&["statement timeout"], TIMED_OUT),
            (&["autovacuum"], "Somebody needed the table. Autovacuum tries again by itself."),
            (
                &["conflict with recovery"],
                "The standby had to apply changes to these rows. Run it again, or on the primary.",
            ),
        ],
        message,
    )
}

/// Advice when there are too many connections (53300).
pub(super) fn too_many(message: &str) -> Option<&'static str> {
    by_words(
        &[
            (
                &["for role"],
                "The role has reached its own limit. Close other connections of this user, or raise it with ALTER ROLE … CONNECTION LIMIT.",
            ),
            (
                &["for database"],
                "The database has reached its own limit. Close other connections to it, or raise it with ALTER DATABASE … CONNECTION LIMIT.",
            ),
        ],
        message,
    )
}

/// Advice for a sequence's last value, which belongs to a session. A tab keeps its own while it is in use.
pub(super) const SEQUENCE: &str = "No value was taken from it in this session, or the session that took one has gone back to the pool since: a tab keeps it while it is in use and no other tab waits for it. Take the value and ask for it in one script, or inside a transaction.";

/// Advice for errors of the statement's own links and names, if the same code can also end or refuse a session.
pub(super) fn of_statement(code: &str) -> Option<&'static str> {
    match code {
        "3D000" => Some("The server has no such database. Check the name in the statement."),
        "08001" => Some(
            "The statement could not reach the server that it connects to. Check that one's host, port and firewall.",
        ),
        "08003" => Some(
            "The statement uses a connection of its own (dblink, a foreign server) that is not open. Open it first.",
        ),
        "08000" | "08004" | "08006" => Some(
            "The connection that the statement itself uses (dblink, a foreign server) failed. Check the server that it leads to, and what was done there.",
        ),
        _ => None,
    }
}

/// Advice for writes where nothing may be written (25006).
pub(super) fn read_only(message: &str) -> Option<&'static str> {
    message
        .contains("recovery")
        .then_some("This server is a standby: it only reads. Connect to the primary to write.")
}

/// Advice by category alone.
pub(super) fn by_category(category: Category) -> Option<&'static str> {
    match category {
        Category::Connection => Some(
            "Check host and port, and that the server runs and can be reached from here. Then reconnect (Reconnect in the palette).",
        ),
        Category::Authentication => Some("Check the user name and the password of the connection."),
        Category::Ssl => Some("Check the SSL mode and the certificate files of the connection."),
        Category::Ssh => Some("Check the host, user and key of the SSH tunnel."),
        Category::Storage => {
            Some("Check that the disk has room and that Tusk may write to its data directory.")
        }
        Category::Keyring => Some(
            "The password is kept in memory until Tusk ends. Unlock or start the keychain to have it stored.",
        ),
        Category::PoolTimeout => Some(
            "All connections of the pool are in use. End a transaction or close a tab that holds one, or raise the pool size of the connection.",
        ),
        Category::Internal => Some(
            "This is a fault of Tusk. What you typed is kept: copy the details, and report them.",
        ),
        Category::Query | Category::Cancelled => None,
    }
}

/// Failed links, by the words of the operating system, the driver and TLS. Certificates come first: their sentences
/// contain words of the others.
pub(super) const LINK: &[(&[&str], &str)] = &[
    (
        &["certificate has expired", "certificate expired", "expired"],
        "The server's certificate has expired: have it renewed. Check this computer's clock too.",
    ),
    (
        &[
            "notvalidforname",
            "not valid for name",
            "hostname mismatch",
            "certificate not valid for",
        ],
        "The certificate names another host. Use the name that it was made for, or name the file of its CA and SSL mode verify-ca where that is safe enough.",
    ),
    (
        &[
            "unknownissuer",
            "unknown issuer",
            "self-signed",
            "self signed",
            "unable to get local issuer",
        ],
        "The certificate is signed by a CA that is not trusted here. Name the CA's file as the root certificate of the connection.",
    ),
    (
        &["does not support tls", "does not support ssl", "no tls support", "server refused tls"],
        "The server has no TLS. Turn it on there (ssl = on), or set the SSL mode to prefer or disable if the network is trusted.",
    ),
    (
        &["certificate required", "certificaterequired", "bad certificate", "badcertificate"],
        "The server wants a client certificate that it knows. Name the certificate and the key in the connection.",
    ),
    (
        &[".pem", "private key", "no certificate", "certificate"],
        "Check the certificate files of the connection: PEM, readable, and the right ones.",
    ),
    (
        &["tls", "ssl", "handshake"],
        "Client and server could not agree on TLS. Check the SSL mode, and that the port is PostgreSQL's.",
    ),
    (
        &["refused"],
        "Nothing accepts connections there. Check host and port, that the server runs and listens (listen_addresses), and the firewall.",
    ),
    (
        &[
            "failed to lookup",
            "lookup address",
            "name or service not known",
            "nodename nor servname",
            "host not found",
            "no such host",
            "name resolution",
            "not be resolved",
        ],
        "The host's name is not known. Check its spelling, the network and the VPN.",
    ),
    (
        &["timed out", "timeout", "in time", "did not answer"],
        "The server did not answer in time. Check host, port, firewall and VPN, or raise the connect timeout of the connection.",
    ),
    (
        &[
            "bytes remaining on stream",
            "not a postgresql server",
            "unexpected message",
            "invalid message",
            "unknown message",
            "invalid data",
        ],
        "What answers there is not a PostgreSQL server. Check the port: PostgreSQL's is usually 5432.",
    ),
    (
        &["no such file", "not found (os error 2)"],
        "There is no socket in that directory. Check that the server runs, the directory and the port; or connect to localhost.",
    ),
    (
        &["permission denied"],
        "This user may not open the server's socket. Check its directory's permissions, or connect to localhost.",
    ),
    (
        &["unreachable", "no route to host"],
        "The network does not lead there. Check the network, the VPN and the address.",
    ),
    (
        &["password missing", "no password", "password"],
        "Check the user name and the password of the connection.",
    ),
    (
        &[
            "connection closed",
            "connection reset",
            "reset by peer",
            "broken pipe",
            "unexpected eof",
            "closed the connection",
            "lost",
        ],
        "The connection is gone, and what the session held with it. Nothing was run again: reconnect (Reconnect in the palette), then check what was done.",
    ),
];

/// Tusk's own files.
pub(super) const STORAGE: &[(&[&str], &str)] = &[
    (
        &["no space", "disk is full", "disk full", "quota"],
        "The disk is full. Make room: Tusk keeps your text in memory until it can be written.",
    ),
    (
        &["permission denied", "access is denied", "readonly database", "read-only"],
        "Tusk may not write there. Change the permissions, or choose another place.",
    ),
    (
        &["locked", "busy"],
        "Another program holds the file. Close it, or the other Tusk, and try again.",
    ),
    (
        &["malformed", "not a database", "corrupt"],
        "The file is damaged. Tusk keeps a copy of it with the date in its name, and begins a new one.",
    ),
    (
        &["no such file", "not found", "cannot find"],
        "The file is not there any more. Check its name, or save to another place.",
    ),
    (&["utf-8", "utf8"], "The file is not UTF-8 text. Convert it first, then open it again."),
];

/// The SSH tunnel.
pub(super) const SSH: &[(&[&str], &str)] = &[
    (
        &["host key", "known_hosts"],
        "The SSH server's key is not the known one. Make sure why before you accept it.",
    ),
    (
        &["authentication", "auth", "passphrase", "permission denied"],
        "The SSH server refused the login. Check its user, the key and its passphrase, or the agent.",
    ),
    (
        &["refused", "timed out", "timeout", "lookup"],
        "The SSH server cannot be reached. Check its host and port, the network and the VPN.",
    ),
];

/// The keychain.
pub(super) const KEYRING: &[(&[&str], &str)] = &[
    (
        &["no entry", "not found", "no matching entry"],
        "No password is stored for this connection. Type it, and choose to store it.",
    ),
    (
        &["locked", "dismissed", "denied"],
        "The keychain is locked, or it was not allowed to Tusk. Unlock it; until then the password is kept in memory.",
    ),
    (
        &["in time", "timed out", "timeout"],
        "The keychain did not answer in time. The password is kept in memory until Tusk ends.",
    ),
];

/// Advice by code.
const CODES: &[(&str, &str)] = &[
    ("08001", "The server could not be reached. Check host, port and firewall."),
    ("08003", "The connection is gone. Reconnect (Reconnect in the palette)."),
    ("08004", "The server refused the connection. Check user, database and the server's log."),
    (
        "08006",
        "The connection broke. Reconnect (Reconnect in the palette), then check what was done: nothing was run again.",
    ),
    (
        "08007",
        "Whether the transaction was committed is not known. Reconnect, and look at the rows before you run it again.",
    ),
    (
        "08P01",
        "Client and server misunderstood each other. Check that the port is PostgreSQL's, and what stands between (a pooler, a proxy).",
    ),
    (
        "0A000",
        "PostgreSQL cannot do this, or not in this version. Look for another way to write it.",
    ),
    (
        "21000",
        "A subquery gave more rows than one, or a row was to be changed twice. Add a condition or LIMIT 1.",
    ),
    ("22001", "The value is longer than the column. Shorten it, or widen the column's type."),
    (
        "22003",
        "The number is too large or too small for its type. Cast to a wider one: bigint, numeric.",
    ),
    ("22004", "A null stands where none may be. Use coalesce, or leave such rows out."),
    (
        "22007",
        "Write dates and times as 2026-01-31 12:30:00+00, or say the format with to_timestamp.",
    ),
    (
        "22008",
        "The date or time is out of range. Check day, month and the order of the two (DateStyle).",
    ),
    ("22012", "Guard the divisor: x / nullif(y, 0)."),
    ("22021", "The text is not valid in the database's encoding. Convert it to UTF-8."),
    ("22023", "A parameter has a value that it may not have. Check the arguments and settings."),
    ("22025", "The text ends in its escape character. Double the backslash, or write E'…'."),
    ("2201B", "The regular expression is not valid. Check its brackets and backslashes."),
    ("2201W", "LIMIT must not be negative."),
    ("2201X", "OFFSET must not be negative."),
    (
        "22P02",
        "The text cannot be read as a value of that type. Check the value and the column that it goes to.",
    ),
    ("22P03", "The binary value does not fit the type. Check the type."),
    (
        "22P04",
        "The data of COPY does not match the columns. Check delimiter, quotes and their number.",
    ),
    ("22P05", "A character has no equal in the other encoding. Remove it, or use UTF8."),
    ("22030", "The JSON object has a key twice. Use each key once."),
    ("22032", "The text is not valid JSON. Check its quotes, commas and brackets."),
    ("23001", "Other rows refer to this one. Change or delete those first."),
    ("23502", "Give the column a value in the statement, or a default in the table."),
    ("23503", "Insert the row that is referred to first, or change those that refer to it."),
    (
        "23505",
        "A row with this key is there already. Change the value, or add ON CONFLICT to the INSERT.",
    ),
    ("23514", "Look up what the check constraint demands, and change the row."),
    ("23P01", "Another row overlaps with this one. Change the value, or the other row."),
    (
        "25001",
        "This cannot run inside a transaction. Commit or roll back first (Commit, Roll back in the palette), then run it alone.",
    ),
    (
        "25006",
        "The transaction is read-only. Switch read-only off in the connection, if these data may be changed.",
    ),
    ("25P01", "There is no transaction. Begin one first (Begin in the palette)."),
    (
        "25P02",
        "An earlier statement failed. Roll back the transaction (Roll back in the palette), then run it again.",
    ),
    ("25P03", "The transaction was idle for too long, and was rolled back. Begin it anew."),
    (
        "25P04",
        "The transaction took longer than transaction_timeout, and was rolled back. Raise it, or do less at once.",
    ),
    (
        "28000",
        "The server refused the login. Check user and database, and the server's pg_hba.conf.",
    ),
    ("28P01", "Check the user name and the password of the connection."),
    ("2BP01", "Other objects depend on it. Drop them first, or add CASCADE, which drops them all."),
    ("34000", "There is no such cursor: it was closed, or ended with its transaction."),
    ("3D000", "Check the database name of the connection: the server has no such database."),
    ("3F000", "Check the schema's name and the search_path."),
    ("3B001", "There is no such savepoint in this transaction. Check its name."),
    (
        "40001",
        "Another transaction changed the same rows. Roll back (Roll back in the palette), then run the whole transaction again.",
    ),
    (
        "40003",
        "Whether the statement took effect is not known. Look at the rows before you run it again.",
    ),
    (
        "40P01",
        "Two transactions waited for each other, and this one was ended. Run it again, and lock the rows in the same order everywhere.",
    ),
    (
        "42501",
        "The role lacks the privilege. Ask the owner for a GRANT, or connect as another user.",
    ),
    ("42601", "Check the text at the mark and just before it: a comma, a bracket, a keyword."),
    ("42602", "The name is not valid. Put it in double quotes."),
    ("42611", "The definition of the column is not valid. Check its type and its constraints."),
    ("42622", "PostgreSQL's names have at most 63 bytes. Shorten it."),
    ("42701", "The column is named twice. Remove one, or rename it."),
    ("42702", "More than one table has this column. Write the table before it: t.column."),
    (
        "42703",
        "Check the column's name. Names with capital letters need double quotes, and texts single ones.",
    ),
    ("42704", "Check the name and the search_path: there is no such object."),
    (
        "42710",
        "An object of that name is there already. Choose another name, or use IF NOT EXISTS or OR REPLACE.",
    ),
    ("42712", "Give each table of the FROM list an alias of its own."),
    ("42723", "A function with these arguments is there already. Use CREATE OR REPLACE."),
    ("42725", "More than one function or operator fits. Cast the arguments: x::type."),
    ("42803", "Put the column into GROUP BY, or into an aggregate function."),
    ("42804", "The types do not match. Cast one of them: x::type."),
    ("42809", "The object is of another kind than this needs. Check its name."),
    ("42830", "The columns that are referred to need a primary key or a unique constraint."),
    ("42846", "There is no cast between these types. Go by way of text: x::text::type."),
    ("42883", "Check the function's name and the types of its arguments, or cast them: x::type."),
    ("42939", "The name is reserved. Choose another one."),
    ("42P01", "Check the table's name and the search_path, or write its schema before it."),
    ("42P02", "The statement has a parameter ($1) without a value. Write the value itself."),
    ("42P03", "A cursor of that name is open. Close it first."),
    ("42P04", "A database of that name is there already. Choose another name."),
    ("42P05", "A prepared statement of that name is there already. DEALLOCATE it first."),
    ("42P06", "A schema of that name is there already. Choose another name, or use IF NOT EXISTS."),
    (
        "42P07",
        "A table, index or view of that name is there already. Choose another name, or use IF NOT EXISTS.",
    ),
    (
        "42P10",
        "ON CONFLICT, ORDER BY or DISTINCT names columns that do not fit. ON CONFLICT needs a unique constraint on just these.",
    ),
    ("42P16", "The definition of the table is not valid. Check its columns and constraints."),
    ("42P18", "PostgreSQL cannot tell the type. Cast the value: x::type."),
    (
        "42P19",
        "Check the recursive query: UNION between its two parts, and one reference to itself.",
    ),
    ("42P20", "Window functions belong in the SELECT list or ORDER BY. Use a subquery."),
    ("44000", "The view's WITH CHECK OPTION does not allow the row. Change the row."),
    (
        "53100",
        "The server's disk is full. Free space there: drop what is not needed, look at logs and temporary files.",
    ),
    ("53200", "The server ran out of memory. Do less at once, or lower work_mem."),
    (
        "53300",
        "The server has no free connections. Close some, here or elsewhere, raise max_connections, or use a pooler.",
    ),
    (
        "53400",
        "A limit of the server's configuration is reached. Raise it there, or do less at once.",
    ),
    ("54000", "The statement is beyond one of PostgreSQL's limits. Do it in parts."),
    (
        "54001",
        "The statement is nested too deeply, or a function calls itself without end. Raise max_stack_depth only if neither is so.",
    ),
    ("54011", "A table has at most 1,600 columns. Split it."),
    ("54023", "A function has at most 100 arguments. Pass an array or a composite."),
    ("55000", "The object is not in a state for this. The detail and the hint say why."),
    ("55006", "Others use it. End their sessions (pg_stat_activity), or wait, then run it again."),
    (
        "55P02",
        "This setting cannot be changed now. Change the server's configuration, and restart it.",
    ),
    (
        "55P03",
        "Somebody else holds the lock. Wait and run it again, or look who it is in pg_locks.",
    ),
    ("55P04", "A new value of an enum can be used only after its transaction is committed."),
    ("57014", STOPPED_AS_ASKED),
    (
        "57P01",
        "An administrator or a shutdown ended the session, and what it held with it. Reconnect (Reconnect in the palette).",
    ),
    (
        "57P02",
        "The server stopped after a crash, and rolls back what was not committed. Reconnect when it is up (Reconnect in the palette).",
    ),
    (
        "57P03",
        "The server is starting, stopping or recovering. Wait a little, then reconnect (Reconnect in the palette).",
    ),
    ("57P04", "The database was dropped. Connect to another one."),
    (
        "57P05",
        "The session was idle for too long, and the server ended it. Reconnect (Reconnect in the palette).",
    ),
    ("58030", "The server could not read or write its disk. Look at its log and its disk."),
    (
        "58P01",
        "The server cannot find a file: the path is one on the server. For a file on this computer, use COPY … FROM STDIN.",
    ),
    ("58P02", "The file is there already on the server. Choose another name."),
    ("P0001", "A function raised this itself. Its message and context say where."),
    ("P0002", "The query in the function gave no row. Leave out STRICT, or handle the case."),
    ("P0003", "The query in the function gave more than one row. Add a condition, or LIMIT 1."),
    ("P0004", "An assertion in a function failed. Its context says where."),
    (
        "XX000",
        "This is a fault inside PostgreSQL or an extension. Look at the server's log, and update the server.",
    ),
    (
        "XX001",
        "The table's data are damaged. Stop writing, take a copy of the data directory, then look at the log.",
    ),
    ("XX002", "The index is damaged. Look at the log, then REINDEX it."),
];

/// Advice by class, for the codes that are not listed.
const CLASSES: &[(&str, &str)] = &[
    ("03", "The statement has not run. Send it complete."),
    (
        "08",
        "The connection failed. Check host, port and network, then reconnect (Reconnect in the palette).",
    ),
    ("09", "A trigger failed. Its context says where."),
    ("0A", "PostgreSQL cannot do this, or not in this version. Look for another way to write it."),
    ("0B", "The transaction cannot begin like this. Check its options."),
    ("0F", "The large object's locator is not valid. Check its number."),
    ("0L", "This role cannot grant that. Ask the owner, or a role with the grant option."),
    ("0P", "Check the role's name: it is not valid here."),
    ("0Z", "A function's diagnostics are used outside an exception handler. Move them there."),
    ("10", "The XQuery expression is not valid. Check it."),
    ("20", "No branch of CASE fits. Add an ELSE."),
    ("21", "The number of rows or columns is not the expected one. Count them on both sides."),
    ("22", "A value cannot be used as it is. Check the value and its type."),
    ("23", "A constraint does not allow the row. The detail says which, and with what values."),
    ("24", "The cursor is not in a state for this. Open it first, and within one transaction."),
    (
        "25",
        "The transaction is not in a state for this. End it (Commit, Roll back in the palette), then try again.",
    ),
    ("26", "There is no such prepared statement in this session. Prepare it again."),
    ("27", "A trigger changes the same row. Use an AFTER trigger, or change NEW instead."),
    ("28", "Check the user name and the password of the connection."),
    ("2B", "Other objects depend on it. Drop or revoke those first."),
    ("2D", "A transaction cannot be ended here. Call the procedure outside a transaction."),
    ("2F", "A SQL function failed. Its context says where."),
    ("34", "There is no such cursor. Check its name, and that its transaction still runs."),
    ("38", "An external function failed. Its context says where."),
    (
        "39",
        "A function was called, or returned, in a way that is not allowed. Its context says where.",
    ),
    ("3B", "The savepoint cannot be used. Check its name."),
    ("3D", "Check the database's name: the server has no such database."),
    ("3F", "Check the schema's name and the search_path."),
    ("40", "The server rolled the transaction back. Run the whole transaction again."),
    ("42", "Check names, types and privileges in the statement at the mark."),
    ("44", "The view's WITH CHECK OPTION does not allow the row. Change the row."),
    (
        "53",
        "The server lacks resources: disk, memory or connections. Free some there, then try again.",
    ),
    ("54", "The statement is beyond one of PostgreSQL's limits. Do it in parts."),
    ("55", "The object is not in a state for this. The detail and the hint say why."),
    ("57", "Somebody or something stopped it on the server. The message says who."),
    ("58", "The server's system failed. Look at its log and its disk."),
    ("72", "The snapshot is too old. Run the statement again in a new transaction."),
    ("F0", "The server's configuration file has a mistake. The message says where."),
    (
        "HV",
        "The foreign server failed. Check its options, its user mapping, and that it can be reached.",
    ),
    ("P0", "A PL/pgSQL function failed. Its context says where."),
    ("XX", "This is a fault inside PostgreSQL or an extension. Look at the server's log."),
];
