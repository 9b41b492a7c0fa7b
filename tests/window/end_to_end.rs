//! The built program, in a real window under an X server, typed at as a user would.
//!
//! It needs Xvfb, openbox, xdotool, ImageMagick and PostgreSQL, and fails without them. The window must be painted
//! with software Vulkan alone and no variable set; what ran must be in the history; the recording of it all must
//! replay to the same hashes in this build and in the build without a window.

use crate::support::server;
use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use server::TestServer;

/// A condition may take this long. A whole frame in software takes a sixth of a second on a slow machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Ends a program when the test is over, however it ends.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().unwrap_or_default();
        self.0.wait().map(drop).unwrap_or_default();
    }
}

struct Screen {
    display: String,
    _server: Ends,
    _manager: Ends,
}

impl Screen {
    fn start() -> Self {
        let mut server = Command::new("Xvfb")
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                "1440x900x24",
                "-nolisten",
                "tcp",
                "-noreset",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is needed: scripts/test installs it");
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        let display = format!(":{}", number.trim());
        let manager = Command::new("openbox")
            .env("DISPLAY", &display)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openbox is needed: scripts/test installs it");
        Self { display, _server: Ends(server), _manager: Ends(manager) }
    }

    fn tool(&self, arguments: &[&str]) -> Output {
        Command::new("xdotool")
            .env("DISPLAY", &self.display)
            .args(arguments)
            .output()
            .expect("xdotool is needed: scripts/test installs it")
    }

    fn key(&self, key: &str) {
        let output = self.tool(&["key", "--clearmodifiers", key]);
        assert!(output.status.success(), "{output:?}");
    }

    fn type_text(&self, text: &str) {
        let output = self.tool(&["type", "--delay", "30", text]);
        assert!(output.status.success(), "{output:?}");
    }

    /// Presses the mouse's button at a place in the window.
    fn click(&self, x: u32, y: u32) {
        let id = self.window().expect("a window");
        let (x, y) = (x.to_string(), y.to_string());
        let output = self.tool(&["mousemove", "--window", &id, &x, &y, "click", "1"]);
        assert!(output.status.success(), "{output:?}");
    }

    fn window(&self) -> Option<String> {
        let found = self.tool(&["search", "--onlyvisible", "--class", "tusk"]);
        let found = String::from_utf8_lossy(&found.stdout);
        Some(found.lines().next()?.to_owned())
    }

    /// The window's title, once there is a window.
    fn title(&self) -> Option<String> {
        let id = self.window()?;
        let name = self.tool(&["getwindowname", &id]);
        Some(String::from_utf8_lossy(&name.stdout).trim().to_owned())
    }

    fn capture(&self, file: &Path) {
        let status = Command::new("import")
            .env("DISPLAY", &self.display)
            .args(["-window", "root"])
            .arg(file)
            .status()
            .expect("ImageMagick is needed: scripts/test installs it");
        assert!(status.success());
    }

    /// How many colours the screen shows; a black window has few.
    fn colours(&self, file: &Path) -> u32 {
        self.capture(file);
        let output = Command::new("identify").args(["-format", "%k"]).arg(file).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(0)
    }
}

#[track_caller]
fn wait_until<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(began.elapsed() < PATIENCE, "waited {} s for {what}", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What the history keeps of the statements that ran.
fn history(data: &Path) -> Vec<String> {
    let Ok(store) = rusqlite::Connection::open_with_flags(
        data.join("tusk.sqlite"),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
    ) else {
        return vec![];
    };
    let Ok(mut statement) =
        store.prepare("select sql || ' -> ' || coalesce(tag, state) from run order by number")
    else {
        return vec![];
    };
    let rows = statement.query_map([], |row| row.get(0));
    rows.and_then(Iterator::collect).unwrap_or_default()
}

/// The program without a window, given by the environment or built here.
fn core_program() -> PathBuf {
    if let Some(program) = std::env::var_os("TUSK_CORE_PROGRAM") {
        return program.into();
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("core");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--no-default-features", "--bin", "tusk", "--target-dir"])
        .arg(&directory)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(status.success());
    directory.join("debug/tusk")
}

fn types_behind_a_run_from_the_sidebar(screen: &Screen, data: &Path) {
    // The run is in the sidebar, under one connection and two headings. A press chooses it, Enter inserts it, and what
    // is typed then goes behind it. This build looks after every message whether the Model and GPUI agree about the
    // keyboard, and ends where they do not.
    screen.click(120, 40 + 6 + 30 + 25 + 30 + 20);
    screen.key("Return");
    screen.type_text(" select 7 as typed");
    screen.key("ctrl+Return");
    wait_until("the run that was typed behind the one from the sidebar", || {
        history(data)
            .into_iter()
            .find(|run| run.contains("select 7 as typed") && run.contains("SELECT 1"))
    });
    // The find field keeps every letter, and Escape gives the keyboard back to the text.
    screen.key("ctrl+f");
    screen.type_text("typed");
    screen.key("Escape");
    screen.type_text("found");
    screen.key("ctrl+Return");
    wait_until("the run with the word that was found and written over", || {
        history(data)
            .into_iter()
            .find(|run| run.contains("select 7 as found") && run.contains("SELECT 1"))
    });
}

#[test]
fn a_user_connects_types_runs_and_finds_it_in_the_history() {
    let server = TestServer::shared();
    let database = server.fresh_database();
    let screen = Screen::start();
    let directory = tempfile::tempdir().unwrap();
    let (data, picture) = (directory.path().join("data"), directory.path().join("window.png"));
    let recording = directory.path().join("run.tusk");
    let log = File::create(directory.path().join("output")).unwrap();
    let mut tusk = Ends(
        Command::new(env!("CARGO_BIN_EXE_tusk"))
            .arg(server.url_unix(&database))
            .arg("--data-dir")
            .arg(&data)
            .arg("--record")
            .arg(&recording)
            .env("DISPLAY", &screen.display)
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("VK_LOADER_DRIVERS_DISABLE")
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap(),
    );

    wait_until("a window", || screen.title());
    wait_until("a painted window", || (screen.colours(&picture) > 40).then_some(()));
    wait_until("the connection in the title", || {
        screen.title().filter(|title| title.contains(&database))
    });

    screen.type_text("select 40 + 2 as answer");
    screen.key("ctrl+Return");
    wait_until("the run in the history", || {
        history(&data)
            .into_iter()
            .find(|run| run.contains("select 40 + 2 as answer") && run.contains("SELECT 1"))
    });
    assert!(screen.colours(&picture) > 40, "the window went black");

    types_behind_a_run_from_the_sidebar(&screen, &data);

    screen.key("ctrl+q");
    let status = wait_until("the end of the program", || tusk.0.try_wait().unwrap());
    let output = std::fs::read_to_string(directory.path().join("output")).unwrap();
    assert!(status.success(), "{status}: {output}");

    for program in [Path::new(env!("CARGO_BIN_EXE_tusk")), &core_program()] {
        let replayed = Command::new(program).arg("replay").arg(&recording).output().unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&replayed.stdout),
            String::from_utf8_lossy(&replayed.stderr)
        );
        assert!(replayed.status.success(), "{}: {said}", program.display());
        assert!(said.contains("hashes match"), "{said}");
        assert!(said.contains("found"), "the replay ends on another screen: {said}");
    }
}
