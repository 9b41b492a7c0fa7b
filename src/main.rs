//! The program: arguments, data directory, log; then a window, or a story or a replay with none.

#![warn(clippy::disallowed_methods)]

mod arguments;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use arguments::Request;
use tusk::{
    effects::{limits, log, signals, store},
    program::{Launch, Places, data_dir, places, time_zone},
    recording,
    rows::show::display::{counted, printable},
    settings::toml,
    story::{self, Playing},
    update::settings::file,
};

fn main() -> ExitCode {
    let request = match arguments::read(std::env::args_os().skip(1), std::env::var_os("TUSK_URL")) {
        Ok(request) => request,
        Err(problem) => {
            say(&format!("{problem} Try tusk --help."));
            return ExitCode::from(2);
        }
    };
    if let Err(problem) = time_zone() {
        say(&problem);
        return ExitCode::FAILURE;
    }
    let done = match request {
        Request::Help => print(arguments::HELP),
        Request::Version => print(&format!("tusk {}\n", env!("CARGO_PKG_VERSION"))),
        Request::Window(window) => prepare_window(window.data_dir).and_then(|prepared| {
            if window.shows_password {
                say(
                    "the password in the URL can be seen by other users of this machine. tusk --help names ways that don't show it."
                );
            }
            open_window(Launch {
                data_dir: prepared.places.data_dir,
                config_dir: prepared.places.config_dir,
                record: window.record,
                opening: window.opening,
                warnings: prepared.warnings,
            })
        }),
        Request::Story(story) => prepare(story.data_dir).and_then(|prepared| {
            story::play(Playing {
                source: story.source,
                data_dir: prepared.places.data_dir,
                config_dir: prepared.places.config_dir,
                record: story.record,
                sandbox: story.sandbox,
                warnings: prepared.warnings,
                screenshot: screenshot(),
            })
        }),
        Request::Replay { file, until } => replay(&file, until),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // It may hold a server's words, which are to be read and nothing else.
            say(&printable(&problem));
            ExitCode::FAILURE
        }
    }
}

/// Where everything is, and what a person has to know of it.
struct Prepared {
    places: Places,
    warnings: Vec<String>,
}

/// The data directory and the log, for what runs the program with no window: without a directory it does not run.
fn prepare(named: Option<PathBuf>) -> Result<Prepared, String> {
    withstand_limits()?;
    let places = places(named)?;
    data_dir(&places.data_dir).map_err(|problem| problem.to_string())?;
    let warnings = start(&places, true);
    Ok(Prepared { places, warnings })
}

/// The same for the window, which opens in any case and asks for another directory where this one can't be used.
fn prepare_window(named: Option<PathBuf>) -> Result<Prepared, String> {
    withstand_limits()?;
    let places = places(named)?;
    let usable = data_dir(&places.data_dir);
    let warnings = start(&places, usable.is_ok());
    if let Err(problem) = usable {
        say(&problem.to_string());
    }
    Ok(Prepared { places, warnings })
}

/// What the system allows has to be enough, and is an error where it ends, not the end of the program.
fn withstand_limits() -> Result<(), String> {
    limits::open_files()?;
    signals::survive_file_limit();
    Ok(())
}

/// Starts the log; answers with what a person has to know.
fn start(places: &Places, on_disk: bool) -> Vec<String> {
    let warning = start_log(places, on_disk);
    let open_to_others = store::open_to_others(&places.data_dir);
    if let Some(warning) = &open_to_others {
        ::log::warn!("{warning}");
    }
    warning.into_iter().chain(open_to_others).collect()
}

/// The log begins before the program does, so the settings that it follows are read here first.
fn start_log(places: &Places, on_disk: bool) -> Option<String> {
    let file = places.config_dir.join(file::FILE_NAME);
    let text = tusk::effects::settings::read(&file).unwrap_or_default();
    let settings = toml::read(&text.unwrap_or_default()).unwrap_or_default();
    let variable = std::env::var(log::VARIABLE).ok();
    let options = log::Options::new(variable.as_deref(), settings.log_level, settings.log_days);
    let (level, directory) = (options.level, places.data_dir.join(log::DIRECTORY));
    let warning = log::start(on_disk.then_some(directory.as_path()), options);
    ::log::info!(
        "Tusk {} begins; its data is in {}",
        env!("CARGO_PKG_VERSION"),
        places.data_dir.display()
    );
    ::log::debug!("The settings are in {}, and {level} is logged", file.display());
    warning
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
    said += &format!("{}, hashes match\n", counted(replayed.messages, "message"));
    if let Some(reason) = replayed.cut {
        said += &format!("The recording ends before the program did: {reason}\n");
    }
    print(&printable(&said))
}

/// Says something where a person looks. Where even that can't be written, nobody can be told.
fn say(text: &str) {
    writeln!(io::stderr(), "tusk: {text}").unwrap_or_default();
}

fn print(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| format!("Standard output can't be written: {error}."))
}
