//! Where Tusk opens a file: how a run is made to, and when it has to say so.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::{fs::DirBuilderExt, net::UnixListener},
    path::{Path, PathBuf},
    sync::OnceLock,
    thread,
};

/// A directory with all that a run of the program sees.
pub struct World {
    root: tempfile::TempDir,
}

/// A run of the program, before it begins.
pub struct Run {
    /// Where the thing is to be.
    pub place: PathBuf,
    pub arguments: Vec<String>,
    pub variables: Vec<(String, String)>,
    /// What it reads from its standard input, but where that is the thing itself.
    pub story: Option<String>,
}

/// What a place is to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Without it the run is not what was asked for: the name is said.
    Needed,
    /// Whatever is there, the run goes on; it need not be told of.
    Passed,
}

/// A place: its name, what it is to a run, and the run.
pub type Place = (&'static str, Need, fn(&World) -> Run);

use Need::{Needed, Passed};

/// Every place at which a name is opened that a user, a variable or another program chose.
pub const PLACES: [Place; 45] = [
    ("settings", Needed, |world| world.at("data/settings.toml")),
    ("settings, beside", Needed, |world| {
        let zoom = "wait idle\ncommand view.zoom-in\nwait idle\nsleep 0.2\nwait idle\n";
        world.at("data/settings.toml.new").story(zoom)
    }),
    ("keys", Needed, |world| world.at("data/keymap.json")),
    ("services, usual", Needed, |world| world.at("home/.pg_service.conf").service()),
    ("services, named", Needed, |world| world.at("named").variable("PGSERVICEFILE").service()),
    ("services, system", Needed, |world| world.at("etc/pg_service.conf").service()),
    ("passwords, usual", Needed, |world| world.at("home/.pgpass").connect("")),
    ("passwords, named", Needed, |world| world.at("named").variable("PGPASSFILE").connect("")),
    ("passwords, of the connection", Passed, |world| {
        world.at("named").connects_with("passfile", "")
    }),
    ("root certificate", Needed, |world| {
        world.at("named").connects_with("sslrootcert", "&sslmode=verify-ca")
    }),
    ("root certificate, by variable", Needed, |world| {
        world.at("named").variable("PGSSLROOTCERT").connect("?sslmode=verify-ca")
    }),
    ("root certificate, usual", Needed, |world| {
        world.at("home/.postgresql/root.crt").connect("?sslmode=verify-ca")
    }),
    ("certificate", Needed, |world| {
        world.at("named").connects_with("sslcert", "&sslmode=require&sslkey=/nowhere")
    }),
    ("certificate, usual", Needed, |world| {
        world.at("home/.postgresql/postgresql.crt").connect("?sslmode=require&sslkey=/nowhere")
    }),
    ("key", Needed, |world| {
        let certificate = world.certificate();
        world
            .at("named")
            .connects_with("sslkey", &format!("&sslmode=require&sslcert={certificate}"))
    }),
    ("key, usual", Needed, |world| {
        let certificate = world.certificate();
        let rest = format!("?sslmode=require&sslcert={certificate}");
        world.at("home/.postgresql/postgresql.key").connect(&rest)
    }),
    ("revoked certificates, usual", Passed, |world| {
        world.at("home/.postgresql/root.crl").connect("?sslmode=require")
    }),
    ("authorities of the system", Needed, |world| {
        let rest = "?sslmode=verify-full&sslrootcert=system";
        world.at("named").variable("SSL_CERT_FILE").connect(rest)
    }),
    ("authorities of a directory", Passed, |world| {
        world.directory("authorities");
        let mut run = world.at("authorities/ca.pem");
        let directory = ("SSL_CERT_DIR".into(), world.path("authorities"));
        run.variables.push(directory);
        run.connect("?sslmode=verify-full&sslrootcert=system")
    }),
    ("time zone", Needed, |world| world.at("named").variable("TZ")),
    ("store", Needed, |world| world.at("data/tusk.sqlite")),
    ("store's log", Needed, |world| world.store().at("data/tusk.sqlite-wal")),
    ("store's index", Needed, |world| world.store().at("data/tusk.sqlite-shm")),
    ("store's journal", Needed, |world| world.store().at("data/tusk.sqlite-journal")),
    ("store, unfinished", Needed, |world| world.at("data/tusk.sqlite.new")),
    ("store's salvage", Needed, |world| world.store().at("data/tusk.salvage")),
    ("store's lock", Needed, |world| world.at("data/tusk.lock")),
    ("store's opening", Needed, |world| world.at("data/tusk.opening")),
    ("store's instances", Passed, |world| world.at("data/instances")),
    ("store's backups", Passed, |world| world.older_store().at("data/backups")),
    ("log", Passed, |world| {
        world.directory("data/logs");
        let today = jiff::Timestamp::now().strftime("%Y-%m-%d");
        world.at(&format!("data/logs/tusk-{today}.log"))
    }),
    ("logs", Passed, |world| world.at("data/logs")),
    ("recording", Needed, |world| world.at("named").option("--record")),
    ("replay", Needed, |world| world.at("named").instead(&["replay", "@"])),
    ("story", Needed, |world| {
        let data = world.path("data");
        world.at("named").instead(&["story", "@", "--data-dir", &data])
    }),
    ("story of standard input", Passed, |world| world.at("named").standard_input()),
    ("dump", Needed, |world| {
        let named = world.path("named");
        world.at("named").story(&format!("wait idle\ndump screen {named}\n"))
    }),
    ("dump of the model", Needed, |world| {
        let named = world.path("named");
        world.at("named").story(&format!("wait idle\ndump model {named}\n"))
    }),
    ("file that is opened", Needed, |world| {
        let named = world.path("named");
        let open = format!("wait idle\ncommand file.open\ntype {named}\npress enter\nwait idle\n");
        world.at("named").story(&open)
    }),
    ("file that is saved", Passed, |world| {
        let named = world.path("named");
        let save = format!(
            "wait idle\ncommand tab.new\ntype a\ncommand file.save\ntype {named}\npress enter\nwait idle\n"
        );
        world.at("named").story(&save)
    }),
    ("data directory", Needed, |world| {
        world.at("named").instead(&["story", "-", "--data-dir", "@"])
    }),
    ("lock of a server's socket", Passed, |world| {
        world.socket();
        world.at("sockets/.s.PGSQL.5432.lock").sockets()
    }),
    ("version of a server", Passed, |world| {
        world.socket();
        let data = world.path("cluster");
        world.directory("cluster");
        let lock = Path::new(&world.path("sockets")).join(".s.PGSQL.5432.lock");
        fs::write(lock, format!("1\n{data}\n")).expect("it can be written");
        world.at("cluster/PG_VERSION").sockets()
    }),
    ("sandbox's lock", Needed, |world| world.at("data/sandbox.lock").sandbox()),
    ("sandbox's users", Needed, |world| world.at("data/sandbox.users").sandbox()),
];

impl World {
    pub fn new() -> Self {
        let root = tempfile::tempdir().expect("the temporary directory is writable");
        let world = Self { root };
        for directory in ["data", "home", "home/.postgresql", "etc"] {
            world.directory(directory);
        }
        world
    }

    fn path(&self, name: &str) -> String {
        self.root.path().join(name).display().to_string()
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }

    fn directory(&self, name: &str) {
        let mut builder = fs::DirBuilder::new();
        builder.mode(0o755).create(self.root.path().join(name)).expect("it can be made");
    }

    /// A run that begins, sees its screen, and ends; the thing is to be at this place.
    pub fn at(&self, name: &str) -> Run {
        let words = ["story", "-", "--data-dir", &self.path("data")];
        Run {
            place: self.root.path().join(name),
            arguments: words.map(str::to_owned).to_vec(),
            variables: vec![
                ("HOME".into(), self.path("home")),
                ("PGSYSCONFDIR".into(), self.path("etc")),
            ],
            story: Some("wait idle\n".into()),
        }
    }

    fn store(&self) -> &Self {
        self.older_store()
    }

    /// A store that is brought up to date after a backup.
    fn older_store(&self) -> &Self {
        let stores = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores");
        let file = Path::new(&self.path("data")).join("tusk.sqlite");
        fs::copy(stores.join("0.1.0.sqlite"), file).expect("it can be copied");
        self
    }

    fn certificate(&self) -> String {
        let key = rcgen::KeyPair::generate().expect("there is chance");
        let parameters = rcgen::CertificateParams::new(vec!["localhost".into()]);
        let signed = parameters.and_then(|parameters| parameters.self_signed(&key));
        let path = self.path("certificate");
        fs::write(&path, signed.expect("it is signed").pem()).expect("it can be written");
        path
    }

    fn socket(&self) {
        self.directory("sockets");
        let socket = Path::new(&self.path("sockets")).join(".s.PGSQL.5432");
        drop(UnixListener::bind(socket).expect("its name is short"));
    }
}

impl Run {
    fn story(mut self, story: &str) -> Self {
        self.story = Some(story.to_owned());
        self
    }

    /// The place is named by a variable.
    fn variable(mut self, name: &str) -> Self {
        let place = self.place.display().to_string();
        self.variables.push((name.to_owned(), place));
        self
    }

    pub fn option(mut self, name: &str) -> Self {
        self.arguments.push(name.to_owned());
        self.arguments.push(self.place.display().to_string());
        self
    }

    /// Other words on the command line, `@` for the place.
    fn instead(mut self, words: &[&str]) -> Self {
        let place = self.place.display().to_string();
        let filled = words.iter().map(|word| word.replace('@', &place));
        self.arguments = filled.collect();
        self
    }

    fn standard_input(mut self) -> Self {
        self.story = None;
        self
    }

    fn service(self) -> Self {
        self.story("wait idle\nconnect service=any\nwait idle\n")
    }

    fn sandbox(mut self) -> Self {
        self.arguments.push("--sandbox".into());
        self
    }

    fn sockets(mut self) -> Self {
        let directory = self.place.with_file_name("").parent().map(Path::to_owned);
        let sockets = directory.unwrap_or_default().join("sockets");
        self.variables.push(("PGHOST".into(), sockets.display().to_string()));
        self
    }

    /// Connects to a server that only says that it speaks TLS, with the place in a parameter.
    fn connects_with(self, parameter: &str, rest: &str) -> Self {
        let place = self.place.display().to_string();
        self.connect(&format!("?{parameter}={place}{rest}"))
    }

    fn connect(self, rest: &str) -> Self {
        let port = server();
        self.story(&format!(
            "wait idle\nconnect postgres://u@127.0.0.1:{port}/d{rest}\nwait idle\n"
        ))
    }
}

/// A server that speaks no more than the first answer of TLS.
fn server() -> u16 {
    static PORT: OnceLock<u16> = OnceLock::new();
    *PORT.get_or_init(|| {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a port");
        let port = listener.local_addr().expect("it is bound").port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    let mut stream = stream;
                    let mut request = [0; 8];
                    if stream.read_exact(&mut request).is_ok() {
                        stream.write_all(b"S").unwrap_or_default();
                    }
                });
            }
        });
        port
    })
}
