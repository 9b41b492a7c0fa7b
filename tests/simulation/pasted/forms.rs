//! The forms that programs write a connection in, what stands around it when it is copied, and what goes amiss.

use super::{
    generated::Random,
    parts::{Parts, encoded},
};

pub struct Form {
    pub name: &'static str,
    pub write: fn(&mut Random, &Parts) -> Written,
    /// Whether quotes may stand around the whole.
    pub wraps: bool,
    /// Whether no letter of a password stands where it means something else, so that each beginning is one.
    pub encodes: bool,
    /// So many of a hundred texts are understood at least.
    pub percent_min: usize,
}

/// A text, and whether it can be read in one way alone.
pub struct Written {
    pub text: String,
    pub is_sure: bool,
}

fn sure(text: String) -> Written {
    Written { text, is_sure: true }
}

const fn form(name: &'static str, write: fn(&mut Random, &Parts) -> Written) -> Form {
    Form { name, write, wraps: false, encodes: true, percent_min: 100 }
}

const fn wraps(form: Form) -> Form {
    Form { wraps: true, ..form }
}

const fn least(percent_min: usize, form: Form) -> Form {
    Form { percent_min, ..form }
}

const fn raw(form: Form, percent_min: usize) -> Form {
    Form { encodes: false, percent_min, ..form }
}

pub const FORMS: &[Form] = &[
    wraps(form("URL", url)),
    wraps(raw(form("URL with a bare password", bare_url), 50)),
    wraps(raw(form("URL with a misspelt scheme", misspelt), 60)),
    wraps(form("URL with a query", query_url)),
    wraps(form("short form", short)),
    wraps(form("JDBC", jdbc)),
    wraps(form("SQLAlchemy", sqlalchemy)),
    form("libpq's pairs", pairs),
    form("ADO.NET", ado),
    raw(form("ADO.NET without quotes", bare_ado), 45),
    form("ODBC", odbc),
    form("variable", variable),
    least(60, form("variables", variables)),
    raw(form("variables without quotes", bare_variables), 35),
    form("YAML", yaml),
    form("JSON", json),
    form("dictionary", dictionary),
    form("keyword arguments", arguments),
    form("Prisma", prisma),
    least(40, form("Spring", spring)),
    form("call", call),
    form("psql with a URL", psql_url),
    form("psql with options", psql),
    form("sentence", sentence),
];

fn host_of_url(parts: &Parts) -> String {
    let host =
        if parts.host.contains(':') { format!("[{}]", parts.host) } else { parts.host.clone() };
    if parts.port == 5432 { host } else { format!("{host}:{}", parts.port) }
}

fn after_scheme(parts: &Parts) -> String {
    let (user, password) = (encoded(&parts.user), encoded(&parts.password));
    format!("{user}:{password}@{}/{}", host_of_url(parts), parts.database)
}

const PARAMETERS: [&str; 5] =
    ["", "", "?sslmode=require", "?application_name=shop", "?sslmode=prefer&connect_timeout=7"];

fn parameters(random: &mut Random) -> &'static str {
    PARAMETERS[random.below(PARAMETERS.len())]
}

fn plain_url(random: &mut Random, parts: &Parts) -> String {
    let scheme = random.pick(&["postgres", "postgresql"]);
    format!("{scheme}://{}{}", after_scheme(parts), parameters(random))
}

fn url(random: &mut Random, parts: &Parts) -> Written {
    let scheme = random.pick(&[
        "postgres",
        "postgresql",
        "Postgres",
        "postgis",
        "pg",
        "pgsql",
        "cockroachdb",
    ]);
    sure(format!("{scheme}://{}{}", after_scheme(parts), parameters(random)))
}

/// A password as it is: nobody can say what a `%` means there.
fn bare(parts: &Parts) -> Option<&str> {
    (!parts.password.contains('%')).then_some(parts.password.as_str())
}

fn bare_url(random: &mut Random, parts: &Parts) -> Written {
    let password = bare(parts).unwrap_or(&parts.pieces[0]);
    if bare(parts).is_none() {
        return url(random, parts);
    }
    let scheme = random.pick(&["postgres", "postgresql"]);
    let user = encoded(&parts.user);
    let text = format!("{scheme}://{user}:{password}@{}/{}", host_of_url(parts), parts.database);
    Written { text, is_sure: parts.password.bytes().all(|b| b.is_ascii_alphanumeric()) }
}

fn misspelt(random: &mut Random, parts: &Parts) -> Written {
    let before = random.pick(&[
        "postgres//",
        "postgres:/",
        "postgresql:/",
        "postgress://",
        "postgresql:://",
        "ostgres://",
        "postgre://",
        "posgres://",
        "psotgres://",
        "postgres ://",
        "postgres: //",
        "postgres:\\\\",
        "postgresql//",
        "//",
        "://",
        "",
        "postgres://postgres://",
        "postgres;//",
        "postgres:",
        "http://",
        "POSTGRESQL:/",
        "postgres:// ",
    ]);
    Written { text: format!("{before}{}", after_scheme(parts)), is_sure: false }
}

fn query_url(random: &mut Random, parts: &Parts) -> Written {
    let (user, password) = (encoded(&parts.user), encoded(&parts.password));
    let place = format!("{}/{}", host_of_url(parts), parts.database);
    sure(if random.chance(50) {
        format!("postgresql://{place}?user={user}&password={password}")
    } else {
        format!("postgresql://{user}@{place}?password={password}&sslmode=prefer")
    })
}

fn short(_: &mut Random, parts: &Parts) -> Written {
    sure(after_scheme(parts))
}

fn jdbc(random: &mut Random, parts: &Parts) -> Written {
    let (user, password) = (encoded(&parts.user), encoded(&parts.password));
    let more = random.pick(&[
        "",
        "&ssl=true",
        "&ApplicationName=shop",
        "&currentSchema=app",
        "&prepareThreshold=0",
    ]);
    let place = format!("{}/{}", host_of_url(parts), parts.database);
    sure(format!("jdbc:postgresql://{place}?user={user}&password={password}{more}"))
}

fn sqlalchemy(random: &mut Random, parts: &Parts) -> Written {
    let driver = random.pick(&["psycopg2", "asyncpg", "psycopg", "pg8000"]);
    sure(format!("postgresql+{driver}://{}", after_scheme(parts)))
}

fn in_pair(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn pairs(random: &mut Random, parts: &Parts) -> Written {
    let Parts { user, host, port, database, password, .. } = parts;
    let password = in_pair(password);
    sure(if random.chance(50) {
        format!("host={host} port={port} user={user} password={password} dbname={database}")
    } else {
        format!("password={password} dbname={database} user = {user} host = {host} port = {port}")
    })
}

/// Names that are used for the parts, the password last.
type Names = [&'static str; 5];

const OF_ADO: [Names; 3] = [
    ["Host", "Port", "Database", "Username", "Password"],
    ["Server", "Port", "Database", "User Id", "Password"],
    ["host", "port", "database", "uid", "pwd"],
];

/// Each part with its name, in an order of chance, joined.
fn listed(
    random: &mut Random,
    names: &Names,
    parts: &Parts,
    one: impl Fn(&str, &str) -> String,
) -> Vec<String> {
    let port = parts.port.to_string();
    let values = [&parts.host, &port, &parts.database, &parts.user, &parts.password];
    let mut list: Vec<String> =
        names.iter().zip(values).map(|(name, value)| one(name, value)).collect();
    for at in (1..list.len()).rev() {
        list.swap(at, random.below(at + 1));
    }
    list
}

fn in_ado(value: &str) -> String {
    let plain = value.chars().all(|c| c.is_alphanumeric() || ".-_@:".contains(c));
    match plain {
        true => value.to_owned(),
        false => format!("\"{}\"", value.replace('"', "\"\"")),
    }
}

fn ado(random: &mut Random, parts: &Parts) -> Written {
    let names = *random.pick(&OF_ADO);
    let list = listed(random, &names, parts, |name, value| format!("{name}={}", in_ado(value)));
    let more = random.pick(&["", ";", ";SSL Mode=Require", ";Pooling=true;Maximum Pool Size=20;"]);
    sure(format!("{}{more}", list.join(";")))
}

fn bare_ado(random: &mut Random, parts: &Parts) -> Written {
    // A blank or a semicolon at its end would be nobody's.
    if parts.password.trim_matches([' ', ';']) != parts.password {
        return ado(random, parts);
    }
    let names = *random.pick(&OF_ADO);
    let list = listed(random, &names, parts, |name, value| format!("{name}={value}"));
    let is_sure = !parts.password.contains([';', '"', '\'', '{', ' ']);
    Written { text: list.join(";"), is_sure }
}

fn odbc(random: &mut Random, parts: &Parts) -> Written {
    let names = ["Server", "Port", "Database", "Uid", "Pwd"];
    let list = listed(random, &names, parts, |name, value| match name {
        "Pwd" => format!("{name}={{{}}}", value.replace('}', "}}")),
        name => format!("{name}={value}"),
    });
    sure(format!("Driver={{PostgreSQL Unicode}};{};", list.join(";")))
}

fn variable(random: &mut Random, parts: &Parts) -> Written {
    let before = random.pick(&[
        "DATABASE_URL=",
        "export DATABASE_URL=",
        "DATABASE_URL: ",
        "url = ",
        "uri: ",
        "TUSK_URL=",
        "$env:DATABASE_URL = ",
        "SHOP_DB_URL=",
        "connectionString: ",
        "const url = ",
        "set DATABASE_URL=",
        "dsn=",
        "POSTGRES_URL=",
    ]);
    let quote = random.pick(&["", "\"", "'"]);
    let after = random.pick(&["", "", "\n", ";", ","]);
    let after = if quote.is_empty() { after.trim_matches([';', ',']) } else { after };
    sure(format!("{before}{quote}{}{quote}{after}", plain_url(random, parts)))
}

const OF_VARIABLES: [Names; 4] = [
    ["PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD"],
    ["DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD"],
    ["DB_HOST", "DB_PORT", "DB_DATABASE", "DB_USERNAME", "DB_PASS"],
    ["POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"],
];

fn variables(random: &mut Random, parts: &Parts) -> Written {
    let names = *random.pick(&OF_VARIABLES);
    let export = *random.pick(&["", "export "]);
    let list = listed(random, &names, parts, |name, value| format!("{export}{name}='{value}'"));
    // A shell has no way to write a quote inside quotes.
    Written { text: list.join("\n"), is_sure: !parts.password.contains('\'') }
}

fn bare_variables(random: &mut Random, parts: &Parts) -> Written {
    if parts.password.trim_matches([' ', '\'', '"']) != parts.password {
        // Nobody can write a blank or a quote at an end without quotes.
        return variables(random, parts);
    }
    let names = *random.pick(&OF_VARIABLES);
    let list = listed(random, &names, parts, |name, value| format!("{name}={value}"));
    let is_sure = parts.password.chars().all(char::is_alphanumeric);
    Written { text: list.join("\n"), is_sure }
}

fn yaml(random: &mut Random, parts: &Parts) -> Written {
    let names = ["host", "port", "database", "username", "password"];
    let list = listed(random, &names, parts, |name, value| match name {
        "port" => format!("  {name}: {value}"),
        name => format!("  {name}: '{}'", value.replace('\'', "''")),
    });
    let before = random.pick(&[
        "",
        "production:\n  adapter: postgresql\n",
        "default: &default\n  pool: 5\n",
    ]);
    sure(format!("{before}{}\n", list.join("\n")))
}

fn in_program(value: &str, quote: char) -> String {
    let escaped = value.replace('\\', "\\\\").replace(quote, &format!("\\{quote}"));
    format!("{quote}{escaped}{quote}")
}

fn json(random: &mut Random, parts: &Parts) -> Written {
    let names = ["host", "port", "database", "user", "password"];
    let json = |text: &str| serde_json::to_string(text).unwrap();
    if random.chance(30) {
        return sure(format!("{{\"url\": {}}}", json(&plain_url(random, parts))));
    }
    let list = listed(random, &names, parts, |name, value| match name {
        "port" => format!("{}: {value}", json(name)),
        name => format!("{}: {}", json(name), json(value)),
    });
    let comma = random.pick(&[", ", ",\n  ", ","]);
    sure(format!("{{{}}}", list.join(comma)))
}

fn dictionary(random: &mut Random, parts: &Parts) -> Written {
    let names = ["host", "port", "database", "user", "password"];
    let quote = *random.pick(&['\'', '"']);
    let of_name = *random.pick(&["", "'", "\""]);
    let list = listed(random, &names, parts, |name, value| match name {
        "port" => format!("{of_name}{name}{of_name}: {value}"),
        name => format!("{of_name}{name}{of_name}: {}", in_program(value, quote)),
    });
    let (before, after) = random.pick(&[
        ("{", "}"),
        ("{ ", ", }"),
        ("new Pool({\n", "\n})"),
        ("const config = {", "};"),
    ]);
    sure(format!("{before}{}{after}", list.join(", ")))
}

fn arguments(random: &mut Random, parts: &Parts) -> Written {
    let names = ["host", "port", "dbname", "user", "password"];
    let quote = *random.pick(&['\'', '"']);
    let list = listed(random, &names, parts, |name, value| match name {
        "port" => format!("{name}={value}"),
        name => format!("{name}={}", in_program(value, quote)),
    });
    let callee = random.pick(&[
        "psycopg2.connect",
        "conn = psycopg.connect",
        "dict",
        "await asyncpg.connect",
    ]);
    sure(format!("{callee}({})", list.join(", ")))
}

fn prisma(random: &mut Random, parts: &Parts) -> Written {
    let url = format!("postgresql://{}?schema=public&connection_limit=5", after_scheme(parts));
    sure(if random.chance(50) {
        format!("url = \"{url}\"")
    } else {
        format!("datasource db {{\n  provider = \"postgresql\"\n  url      = \"{url}\"\n}}")
    })
}

fn spring(random: &mut Random, parts: &Parts) -> Written {
    if parts.password.trim() != parts.password {
        return variables(random, parts);
    }
    let Parts { user, database, .. } = parts;
    // A properties file has escapes of its own.
    let password = parts.password.replace(['\\', '#', '$', '`', ' ', '"', '\''], "-");
    let is_sure = password == parts.password;
    let text = format!(
        "spring.datasource.url=jdbc:postgresql://{}/{database}\nspring.datasource.username={user}\nspring.datasource.password={}",
        host_of_url(parts),
        parts.password
    );
    if is_sure { sure(text) } else { Written { text, is_sure } }
}

fn call(random: &mut Random, parts: &Parts) -> Written {
    let quote = random.pick(&['"', '\'']);
    let (before, after) = random.pick(&[
        ("create_engine(", ")"),
        ("psycopg2.connect(", ")"),
        ("new Pool(", ");"),
        ("Database.connect(", ", 5)"),
        ("os.environ['X'] = ", ""),
        ("pool = connect(dsn=", ")"),
    ]);
    sure(format!("{before}{quote}{}{quote}{after}", plain_url(random, parts)))
}

fn in_shell(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

fn psql_url(random: &mut Random, parts: &Parts) -> Written {
    let before =
        random.pick(&["psql ", "$ psql ", "psql -X ", "psql -d ", "/usr/bin/psql --dbname="]);
    let url = plain_url(random, parts);
    let quote = random.pick(&["\"", "'", ""]);
    let after = random.pick(&["", " -c 'select 1'", " -At"]);
    sure(format!("{before}{quote}{url}{quote}{after}"))
}

fn psql(random: &mut Random, parts: &Parts) -> Written {
    let Parts { user, host, port, database, password, .. } = parts;
    let password = in_shell(password);
    sure(match random.below(3) {
        0 => format!("PGPASSWORD={password} psql -h {host} -p {port} -U {user} -d {database}"),
        1 => format!(
            "PGPASSWORD={password} psql -h{host} --port={port} --username {user} {database}"
        ),
        _ => format!(
            "env PGPASSWORD={password} psql \\\n  --host={host} \\\n  -p{port} {database} {user}"
        ),
    })
}

fn sentence(random: &mut Random, parts: &Parts) -> Written {
    let (before, after) = random.pick(&[
        ("the database is ", ""),
        ("try ", " and tell me"),
        ("Connection string: ", ""),
        ("<", ">"),
        ("see (", ")"),
        ("use `", "` for now"),
    ]);
    sure(format!("{before}{}{after}", plain_url(random, parts)))
}

const QUOTES: [(&str, &str); 10] = [
    ("\"", "\""),
    ("'", "'"),
    ("`", "`"),
    ("“", "”"),
    ("‘", "’"),
    ("«", "»"),
    ("„", "“"),
    ("<", ">"),
    ("\"", "\","),
    ("'", "';"),
];
const BLANKS: [&str; 8] = [" ", "\n", "\r\n", "\t", "\u{feff}", "\u{200b}", "\u{a0}", "  \n"];

/// What a person copies along.
pub fn wrapped(random: &mut Random, written: Written, form: &Form) -> Written {
    let Written { mut text, mut is_sure } = written;
    if form.wraps {
        let (open, close) = random.pick(&QUOTES);
        match random.below(4) {
            0 => {}
            1 => {
                text = format!("{open}{text}");
                is_sure = false;
            }
            // Behind a password libpq takes a quote for its last letter.
            2 if text.contains("password=") => {}
            2 => {
                text = format!("{text}{close}");
                is_sure = false;
            }
            _ => {
                is_sure &= form.encodes;
                text = format!("{open}{text}{close}");
            }
        }
    }
    if random.chance(50) {
        text = format!("{}{text}{}", random.pick(&BLANKS), random.pick(&BLANKS));
    }
    Written { text, is_sure }
}

/// The text with up to three letters changed, lost, doubled or put in, outside of the password's own letters.
pub fn spoilt(random: &mut Random, text: &str, parts: &Parts) -> String {
    let mut text: Vec<char> = text.chars().collect();
    let kept = |text: &[char], at: usize| {
        let string: String = text.iter().collect();
        let byte: usize = text[..at].iter().map(|c| c.len_utf8()).sum();
        parts.pieces.iter().any(|piece| {
            string
                .match_indices(piece.as_str())
                .any(|(start, _)| (start..=start + piece.len()).contains(&byte))
        })
    };
    for _ in 0..1 + random.below(3) {
        let at = random.below(text.len());
        // Without what parts a password from its user or its name, it is one with them. Its first letters may be
        // written as `%7B`, so that its first piece comes later.
        let is_before_password = || {
            let first = (at..text.len()).find(|at| kept(&text, *at));
            first.is_some_and(|first| {
                let between = &text[at + 1..first.max(at + 1)];
                first < at + 16 || between.iter().all(|c| c.is_alphanumeric() || *c == '%')
            })
        };
        let parts_password = ":=".contains(text[at]) && is_before_password();
        if parts_password || kept(&text, at) {
            continue;
        }
        let odd: Vec<char> = "\"'`@:/;=,?&# {}()<>\\%-\n“x1".chars().collect();
        match random.below(4) {
            0 => text[at] = *random.pick(&odd),
            1 => {
                text.remove(at);
            }
            2 => text.insert(at, *random.pick(&odd)),
            _ => text.insert(at, text[at]),
        }
        if text.is_empty() {
            break;
        }
    }
    text.into_iter().collect()
}
