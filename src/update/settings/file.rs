//! The user's own settings, in a file to read and to write by hand: `settings.toml` in the configuration directory.
//!
//! What it says is checked; what is wrong with it is said with its line, and the last good settings stay. It is
//! read again whenever it changes. What the user changes in the program is written into it, and every comment, and
//! everything that somebody else wrote meanwhile, stays as it is.

use crate::{
    base::ids::Request,
    failure::Failure,
    settings::{
        Settings, Theme,
        toml::{self, Key, LogLevel, Problem, Value, read, template},
    },
    update::{
        cx::Cx,
        files::prompt::{self, Pendings},
        settings,
    },
};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The file's name, in the configuration directory.
pub const FILE_NAME: &str = "settings.toml";

/// The settings' file in the Model.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SettingsFile {
    /// Where it is.
    pub path: String,
    /// The watch that reports it.
    pub watch: Option<Request>,
    /// Whether it has been looked for.
    pub is_read: bool,
    /// Whether somebody changed it since, so that it has to be read again before it is written.
    pub is_stale: bool,
    /// What it held then; none where there was none.
    pub text: Option<String>,
    /// What the user changed in the program and the file does not have yet.
    pub pending: BTreeMap<Key, Value>,
    /// The write that is under way.
    pub writing: Option<Write>,
    /// What settings were before there was a file: they become its first ones.
    pub inherited: BTreeMap<Key, Value>,
    /// The timer after which the window and its parts are kept.
    pub timer: Option<Request>,
    /// Whether the file is opened in a tab once it is there.
    pub opening: bool,
    /// What is wrong with it, each with its line: while there is something, its settings are not used.
    pub problems: Vec<String>,
}

/// A write that is under way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Write {
    pub request: Request,
    /// What the file holds after it.
    pub text: String,
    /// What of it the user changed.
    pub changes: BTreeMap<Key, Value>,
}

/// How a write ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Written {
    /// On disk.
    Done,
    /// Not written: somebody else changed the file first. It is read again, and a `Read` follows.
    Conflict,
    /// Not written.
    Failed(Failure),
}

/// What the runner reports of the settings' file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// A story changes a setting, as the settings' dialog does.
    Asked {
        key: Key,
        /// Its new value.
        value: Value,
    },
    /// The file was looked for, at first or because it changed.
    Read {
        /// The watch.
        request: Request,
        /// What it holds; none where there is none.
        result: Result<Option<String>, Failure>,
    },
    /// The file is not watched any more. Ends [`Effect::Watch`].
    WatchEnded {
        /// The watch.
        request: Request,
    },
    /// Ends [`Effect::Write`].
    Written {
        request: Request,
        /// How it ended.
        result: Written,
    },
    /// Ends [`Effect::ConfigureLog`].
    LogConfigured {
        request: Request,
        /// What the user has to know of it.
        warning: Option<String>,
    },
}

/// What the runner is asked to do with the settings' file, and with the log that it speaks of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Read the file, and again whenever it changed: each time a `Read`. Ends in `WatchEnded`, with the program or
    /// when another watch begins.
    Watch {
        /// The watch.
        request: Request,
        /// The file.
        path: String,
    },
    /// Write the file. Ends in `Written`.
    Write {
        request: Request,
        /// The file.
        path: String,
        /// What it shall hold.
        text: String,
        /// What it must hold for the write to happen; none for no file.
        expected: Option<String>,
    },
    /// Log from here on like this. Ends in `LogConfigured`.
    ConfigureLog {
        request: Request,
        /// The data directory, whose `logs` the files are in.
        data_dir: String,
        /// The least that is logged.
        level: LogLevel,
        /// How many days a file is kept.
        days: u32,
    },
}

/// Begins to watch the file of a configuration directory.
pub fn watch(settings_file: &mut SettingsFile, cx: &mut Cx, config_dir: &str) {
    let request = cx.request();
    let path = format!("{config_dir}/{FILE_NAME}");
    let file = settings_file;
    file.path.clone_from(&path);
    file.watch = Some(request);
    cx.ask(Effect::Watch { request, path });
}

/// The store was read: settings that an earlier version kept there are the file's, where it has none.
pub fn inherit(settings_file: &mut SettingsFile, cx: &mut Cx, kept: &Settings) {
    let usual = Settings::default();
    let mut inherited = BTreeMap::new();
    if kept.theme != usual.theme {
        inherited.insert(Key::Theme, toml::theme(kept.theme));
    }
    if kept.zoom_percent != usual.zoom_percent {
        inherited.insert(Key::Size, Value::Number(kept.zoom_percent.into()));
    }
    if !settings_file.is_read {
        // Until the file is read they are the best that is known.
        for (key, value) in &inherited {
            key.apply(&mut cx.settings, value);
        }
    }
    settings_file.inherited = inherited;
    take_inheritance(settings_file, cx)
}

/// Changes a setting in the program, and in the file.
pub fn change(settings_file: &mut SettingsFile, cx: &mut Cx, key: Key, value: Value) {
    key.apply(&mut cx.settings, &value);
    settings_file.pending.insert(key, value);
    write(settings_file, cx)
}

/// Opens the file in a tab; where there is none, it is made, with every setting as a comment.
pub fn open(files: &mut Pendings, settings_file: &mut SettingsFile, cx: &mut Cx) {
    if settings_file.text.is_some() {
        let path = settings_file.path.clone();
        return prompt::open_path(files, cx, path);
    }
    settings_file.opening = true;
    write(settings_file, cx)
}

/// Takes in what the runner reports.
pub fn update(files: &mut Pendings, settings_file: &mut SettingsFile, cx: &mut Cx, msg: Msg) {
    match msg {
        Msg::Read { request, result } if settings_file.watch == Some(request) => {
            was_read(settings_file, cx, result)
        }
        Msg::Asked { key, value } => change(settings_file, cx, key, value),
        Msg::Written { request, result } => written(files, settings_file, cx, request, result),
        Msg::LogConfigured { warning, .. } => {
            if let Some(warning) = warning {
                cx.notify(warning);
            }
        }
        Msg::Read { .. } | Msg::WatchEnded { .. } => {}
    }
}

fn was_read(
    settings_file: &mut SettingsFile,
    cx: &mut Cx,
    result: Result<Option<String>, Failure>,
) {
    let text = match result {
        Ok(text) => text,
        Err(failure) => {
            settings_file.is_read = true;
            let text = format!("The settings stay as they are: {}.", failure.message);
            cx.notify(text);
            return;
        }
    };
    let first = !std::mem::replace(&mut settings_file.is_read, true);
    settings_file.is_stale = false;
    settings_file.text.clone_from(&text);
    match read(text.as_deref().unwrap_or_default()) {
        Ok(found) => {
            settings_file.problems.clear();
            take(settings_file, cx, found, first)
        }
        Err(problems) => {
            let path = &settings_file.path;
            let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
            settings_file.problems.clone_from(&lines);
            let text = format!(
                "{path} is not used, and the settings stay as they are. {}",
                lines.join(" ")
            );
            cx.notify(text);
        }
    }
    take_inheritance(settings_file, cx);
    write(settings_file, cx);
}

/// Uses what the file says, and over it what the user changed since.
fn take(settings_file: &mut SettingsFile, cx: &mut Cx, found: Settings, first: bool) {
    let before = (cx.settings.log_level, cx.settings.log_days);
    let mut now = Settings {
        window: cx.settings.window,
        sidebar_width: cx.settings.sidebar_width,
        editor_percent: cx.settings.editor_percent,
        ..found
    };
    let file = settings_file;
    let writing = file.writing.iter().flat_map(|write| &write.changes);
    for (key, value) in writing.chain(&file.pending) {
        key.apply(&mut now, value);
    }
    cx.settings = settings::sane(now);
    if first || before != (cx.settings.log_level, cx.settings.log_days) {
        cx.leave(settings::Outcome::LogChanged);
    }
}

/// Has the log follow the settings and the data directory.
pub fn configure_log(data_dir: &str, cx: &mut Cx) {
    let request = cx.request();
    let (level, days) = (cx.settings.log_level, cx.settings.log_days);
    cx.ask(Effect::ConfigureLog { request, data_dir: data_dir.to_owned(), level, days });
}

/// Once the store and the file are both known, what was kept in the store goes to the file, and out of the store.
fn take_inheritance(settings_file: &mut SettingsFile, cx: &mut Cx) {
    if !settings_file.is_read || settings_file.inherited.is_empty() {
        return;
    }
    let inherited = std::mem::take(&mut settings_file.inherited);
    if settings_file.text.is_none() {
        for (key, value) in &inherited {
            key.apply(&mut cx.settings, value);
        }
        settings_file.pending.extend(inherited);
    }
    // The store keeps the window alone from here on.
    write(settings_file, cx);
    settings::save(settings_file, cx);
}

/// Writes what the file does not have yet.
fn write(settings_file: &mut SettingsFile, cx: &mut Cx) {
    let making = settings_file.opening && settings_file.text.is_none();
    if !settings_file.is_read
        || settings_file.is_stale
        || settings_file.writing.is_some()
        || (settings_file.pending.is_empty() && !making)
    {
        return;
    }
    let old = settings_file.text.clone();
    let begun = old.clone().unwrap_or_else(template);
    let text = match toml::edited(&begun, &settings_file.pending) {
        Ok(text) => text,
        Err(problem) => {
            let path = &settings_file.path;
            let text = format!(
                "The change holds until Tusk ends: it can't be written to {path}. {problem}"
            );
            settings_file.pending.clear();
            cx.notify(text);
            return;
        }
    };
    let request = cx.request();
    settings_file.writing = Some(Write {
        request,
        text: text.clone(),
        changes: std::mem::take(&mut settings_file.pending),
    });
    let effect = Effect::Write { request, path: settings_file.path.clone(), text, expected: old };
    cx.ask(effect);
}

fn written(
    files: &mut Pendings,
    settings_file: &mut SettingsFile,
    cx: &mut Cx,
    answered: Request,
    result: Written,
) {
    let Some(write_of) = settings_file.writing.take_if(|writing| writing.request == answered)
    else {
        return;
    };
    match result {
        Written::Done => {
            settings_file.text = Some(write_of.text);
            write(settings_file, cx);
            if std::mem::take(&mut settings_file.opening) {
                let path = settings_file.path.clone();
                prompt::open_path(files, cx, path);
            }
        }
        Written::Conflict => {
            // What was changed since is newer. The file is read again, and then it is written.
            let newer = std::mem::replace(&mut settings_file.pending, write_of.changes);
            settings_file.pending.extend(newer);
            settings_file.is_stale = true;
        }
        Written::Failed(failure) => {
            settings_file.opening = false;
            let text = format!(
                "The change holds until Tusk ends: the settings were not written. {}",
                failure.message
            );
            cx.notify(text);
        }
    }
}

impl SettingsFile {
    /// Whether a change is on its way to the file.
    pub fn is_busy(&self) -> bool {
        self.writing.is_some()
    }
}

/// The theme as a setting.
pub fn theme(of: Theme) -> Value {
    toml::theme(of)
}

#[cfg(test)]
mod tests;
