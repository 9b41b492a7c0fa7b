//! The program: arguments, data directory, log; then a window, or a story or a replay with none.

mod arguments;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use arguments::Request;
use tusk::{
    effects::log,
    program::{Launch, data_dir},
    recording,
    story::{self, Playing},
};

fn main() -> ExitCode {
    let request = match arguments::read(std::env::args_os().skip(1), std::env::var_os("TUSK_URL")) {
        Ok(request) => request,
        Err(problem) => {
            eprintln!("tusk: {problem} Try tusk --help.");
            return ExitCode::from(2);
        }
    };
    let done = match request {
        Request::Help => print(arguments::HELP),
        Request::Version => print(&format!("tusk {}\n", env!("CARGO_PKG_VERSION"))),
        Request::Window(window) => prepare(window.data_dir).and_then(|(data_dir, warnings)| {
            if window.shows_password {
                eprintln!(
                    "tusk: the password in the URL can be seen by other users of this machine. tusk --help names ways that don't show it."
                );
            }
            open_window(Launch {
                data_dir,
                record: window.record,
                opening: window.opening,
                warnings,
            })
        }),
        Request::Story(story) => prepare(story.data_dir).and_then(|(data_dir, warnings)| {
            story::play(Playing {
                source: story.source,
                data_dir,
                record: story.record,
                sandbox: story.sandbox,
                warnings,
                screenshot: screenshot(),
            })
        }),
        Request::Replay { file, until } => replay(&file, until),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("tusk: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// The data directory and the log, for what runs the program.
fn prepare(named: Option<PathBuf>) -> Result<(PathBuf, Vec<String>), String> {
    let data_dir = data_dir(named)?;
    let warning = log::start(Some(&data_dir.join("logs")), log::LEVEL);
    Ok((data_dir, warning.into_iter().collect()))
}

/// What draws a story's pictures.
#[cfg(feature = "gui")]
fn screenshot() -> Option<story::Screenshot> {
    Some(Box::new(tusk::view::stage::screenshot))
}

#[cfg(not(feature = "gui"))]
fn screenshot() -> Option<story::Screenshot> {
    None
}

#[cfg(feature = "gui")]
fn open_window(launch: Launch) -> Result<(), String> {
    tusk::view::run(launch)
}

#[cfg(not(feature = "gui"))]
fn open_window(_launch: Launch) -> Result<(), String> {
    Err("This build has no window. Run tusk story FILE, or build Tusk with its gui feature.".into())
}

fn replay(file: &Path, until: Option<u64>) -> Result<(), String> {
    let replayed = recording::replay(file, until).map_err(|problem| problem.to_string())?;
    let mut said = story::screen_text(&replayed.model);
    if !said.ends_with('\n') {
        said.push('\n');
    }
    said += &format!("{} messages, hashes match\n", replayed.messages);
    if let Some(reason) = replayed.cut {
        said += &format!("The recording ends before the program did: {reason}\n");
    }
    print(&said)
}

fn print(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| format!("Standard output can't be written: {error}."))
}
