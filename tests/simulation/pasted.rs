//! Connections as people paste them: generated in every form that other programs write, with passwords of the worst
//! letters, in quotes and with mistakes. Each is read as it was meant or refused, and in both cases no piece of its
//! password is shown or kept anywhere.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod forms;
mod parts;

use crate::support::{
    generated, program,
    scripted::{beginning, nothing_kept},
};
use std::collections::BTreeMap;
use tusk::update::connection;

use self::{
    forms::{FORMS, Written},
    generated::{Random, as_many_as, seed},
    parts::Parts,
};
use tusk::{
    base::{
        secret::{Secret, SecretKind},
        stamp::Stamp,
    },
    conninfo::{Config, Conninfo, Defaults},
    effect::Effect,
    model::Model,
    msg::Msg,
    program::Opening,
    recording::redact::{self, Redactor},
    story::{self, screen_text},
    update::{
        connection::form::Field,
        shell::{
            app,
            command::Command,
            dialog::{self, Dialog},
            welcome,
        },
        update,
    },
};

/// A program that has started and knows the user's name.
#[derive(Clone)]
struct World {
    model: Model,
    at: Stamp,
}

impl World {
    fn new() -> Self {
        let mut world = Self { model: Model::default(), at: Stamp::default() };
        let effects = world.send(app::Msg::Started {
            seed: 7,
            version: "1".into(),
            data_dir: "/data".into(),
            config_dir: String::new(),
            macos: false,
            recording: false,
        });
        for effect in effects {
            world.answer(effect);
        }
        world
    }

    fn answer(&mut self, effect: Effect) {
        if let Some(msg) = beginning(&effect, &nothing_kept()) {
            for effect in self.send(msg) {
                self.answer(effect);
            }
        }
    }

    fn send(&mut self, msg: impl Into<Msg>) -> Vec<Effect> {
        self.at.mono_us += 1_000;
        self.at.unix_us += 1_000;
        update(&mut self.model, self.at, msg.into())
    }
}

/// Everything that Tusk shows, writes or keeps of a text that somebody pastes into the welcome screen's field, names on
/// the command line and in a story.
fn traces(world: &World, text: &str, read: &impl std::fmt::Debug) -> Vec<(&'static str, String)> {
    let mut world = world.clone();
    let mut traces = vec![("the reading", format!("{read:?}"))];
    let typed = Msg::from(welcome::edited(text, &world.model.defaults));
    let mut recorded = Redactor::default();
    let mut record = |world: &World, msg: &Msg| {
        let kept = recorded.redact(&world.model, msg).unwrap();
        serde_json::to_string(&kept).unwrap()
    };
    traces.push(("a message's Debug", format!("{typed:?}")));
    traces.push(("the recording", record(&world, &typed)));
    world.send(typed);
    traces.push(("the welcome screen", screen_text(&world.model)));
    traces.push(("the model on the welcome screen", model(&world)));
    let accept = Msg::from(Command::DialogAccept);
    traces.push(("the recording", record(&world, &accept)));
    let effects = world.send(accept);
    traces.push(("effects", format!("{effects:?}")));
    traces.push(("the screen", screen_text(&world.model)));
    traces.push(("the model", model(&world)));
    let opening = Opening::new(text, false);
    traces.push(("an opening", format!("{opening:?} {}", opening.masked())));
    match opening.message(&world.model) {
        Ok(msg) => traces.push(("the recording", record(&world, &msg))),
        Err(sentence) => traces.push(("the sentence of a story", sentence)),
    }
    traces.extend(of_a_story(text));
    traces
}

fn model(world: &World) -> String {
    serde_json::to_string(&redact::model(&world.model).unwrap()).unwrap()
}

/// What a story says of a line with the text, well-formed and not.
fn of_a_story(text: &str) -> Vec<(&'static str, String)> {
    let line = text.replace(['\n', '\r'], " ");
    let mut said = vec![];
    for (name, line) in [
        ("a story's connect", format!("connect {line}")),
        ("a misspelt line of a story", format!("conect {line}")),
        ("a line without its word", line.clone()),
        ("a story's expectation", format!("expect screen contains {line}")),
        ("a story's wait", format!("wait {line}")),
        ("a story's dump", format!("dump {line}")),
        ("a story's command", format!("command {line}")),
        ("a story's size", format!("size {line}")),
    ] {
        match story::parse(&line) {
            Ok(story) => said.extend(story.steps.into_iter().map(|step| (name, step.text))),
            Err(failure) => said.push((name, failure.to_string())),
        }
    }
    // A whole text in the place of a story.
    if let Err(failure) = story::parse(text) {
        said.push(("a text in the place of a story", failure.to_string()));
    }
    said
}

/// No piece of the password is in any trace.
#[track_caller]
fn nothing_shows(parts: &Parts, text: &str, traces: &[(&str, String)]) {
    if let Some(shown) = what_shows(parts, text, traces) {
        panic!("{shown}");
    }
}

/// Which piece of the password is in which trace.
fn what_shows(parts: &Parts, text: &str, traces: &[(&str, String)]) -> Option<String> {
    let mut shown = traces.iter().flat_map(|(place, trace)| {
        let pieces = parts.pieces.iter();
        let pieces = pieces.filter(|piece| trace.contains(piece.as_str()));
        pieces.map(move |piece| (piece, place, trace))
    });
    let (piece, place, trace) = shown.next()?;
    let password = &parts.password;
    Some(format!("{piece} of {password:?} is in {place}\nof {text:?}:\n{trace}"))
}

/// What a reading says, as the generator has it.
fn place(found: &Conninfo) -> Parts {
    let Config { user, host, port, database, .. } = &found.config;
    Parts {
        user: user.clone(),
        host: host.clone(),
        port: *port,
        database: database.clone(),
        password: found.password().map_or("", Secret::reveal).to_owned(),
        pieces: vec![],
    }
}

fn defaults() -> Defaults {
    Defaults { user: "ann".into(), ..Defaults::default() }
}

/// How many texts of a form there were, and how many of them were understood.
#[derive(Default)]
struct Share {
    written: usize,
    understood: usize,
}

#[track_caller]
fn hold(world: &World, written: &Written, parts: &Parts, share: &mut Share) {
    let text = &written.text;
    let read = Config::parse(text, &defaults());
    nothing_shows(parts, text, &traces(world, text, &read));
    assert!(Conninfo::text_holds_secret(text), "nobody is warned of the password in {text:?}");
    share.written += 1;
    match read {
        Ok(found) => {
            share.understood += 1;
            let expected = Parts { pieces: vec![], ..parts.clone() };
            assert_eq!(place(&found), expected, "{text:?}");
            let others = found.secrets.iter().any(|(kind, _)| kind != SecretKind::Database);
            assert!(!others, "{text:?}");
        }
        Err(problem) => assert!(!written.is_sure, "{text:?}: {problem}"),
    }
}

#[test]
fn whatever_is_pasted_is_read_as_it_was_meant_or_refused_and_shows_no_piece_of_a_password() {
    let mut random = Random::new(seed());
    let world = World::new();
    let mut shares: BTreeMap<&str, Share> = BTreeMap::new();
    for _ in 0..as_many_as(60, 3_000) {
        for form in FORMS {
            let parts = Parts::new(&mut random);
            let mut written = (form.write)(&mut random, &parts);
            if random.chance(60) {
                written = forms::wrapped(&mut random, written, form);
            }
            hold(&world, &written, &parts, shares.entry(form.name).or_default());
        }
    }
    for form in FORMS {
        let Share { written, understood } = shares[form.name];
        let percent = understood * 100 / written;
        println!("{}: {understood} of {written} are understood ({percent} %)", form.name);
        assert!(percent >= form.percent_min, "{}: only {percent} % are understood", form.name);
    }
}

#[test]
fn a_text_with_letters_amiss_shows_no_piece_of_a_password() {
    let mut random = Random::new(seed());
    let world = World::new();
    let (mut understood, mut refused) = (0, 0);
    let mut shown = vec![];
    for _ in 0..as_many_as(40, 3_000) {
        for form in FORMS {
            let parts = Parts::new(&mut random);
            let written = (form.write)(&mut random, &parts);
            let text = forms::spoilt(&mut random, &written.text, &parts);
            let read = Config::parse(&text, &defaults());
            match &read {
                Ok(_) => understood += 1,
                Err(_) => refused += 1,
            }
            shown.extend(what_shows(&parts, &text, &traces(&world, &text, &read)));
        }
    }
    println!("{understood} are understood, {refused} are refused");
    assert!(shown.is_empty(), "{} show a piece:\n{}", shown.len(), shown.join("\n"));
    assert!(understood > refused / 10);
}

#[test]
fn no_beginning_of_what_is_typed_shows_a_piece_of_a_password() {
    let mut random = Random::new(seed());
    let mut beginnings = 0;
    for _ in 0..as_many_as(4, 200) {
        for form in FORMS.iter().filter(|form| form.encodes) {
            let parts = Parts::new(&mut random);
            let text = (form.write)(&mut random, &parts).text;
            for (end, _) in text.char_indices() {
                beginnings += 1;
                let shown = Conninfo::masked(&text[..end]);
                for piece in &parts.pieces {
                    assert!(!shown.contains(piece.as_str()), "{} → {shown}", &text[..end]);
                }
            }
        }
    }
    println!("{beginnings} beginnings");
}

#[test]
fn a_text_that_is_far_too_long_is_refused_at_once() {
    let long = "p@:/?".repeat(2_000_000);
    for (before, after) in [
        ("postgres://u:", "@h/d"),
        ("host=h password='", "'"),
        ("Host=h;Password=", ";"),
        ("{\"password\": \"", "\"}"),
        ("psql \"postgres://u:", "@h/d\""),
        ("\"", "\""),
    ] {
        let text = format!("{before}{long}{after}");
        let began = std::time::Instant::now();
        let problem = Config::parse(&text, &defaults()).unwrap_err().to_string();
        assert!(problem.contains("too long"), "{problem}");
        let msg = welcome::edited(&text, &defaults());
        assert!(format!("{msg:?}").len() < 1_000);
        // A word about what grows: a second is hundreds of times what it takes.
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }
}

#[test]
fn a_connection_pasted_into_the_dialog_fills_its_fields_and_shows_no_password() {
    let mut random = Random::new(seed());
    let mut world = World::new();
    world.send(Command::ConnectionNew);
    let host = 1;
    let (mut filled, mut refused) = (0, 0);
    for _ in 0..as_many_as(10, 500) {
        for form in FORMS {
            let parts = Parts::new(&mut random);
            let text = (form.write)(&mut random, &parts).text;
            let mut world = world.clone();
            let msg =
                Msg::from(dialog::edited(&world.model.defaults, &world.model.dialog, host, &text));
            let recorded = Redactor::default().redact(&world.model, &msg).unwrap();
            let mut traces = vec![
                ("a message's Debug", format!("{msg:?}")),
                ("the recording", serde_json::to_string(&recorded).unwrap()),
            ];
            world.send(msg);
            traces.push(("the dialog", screen_text(&world.model)));
            traces.push(("the model", model(&world)));
            nothing_shows(&parts, &text, &traces);
            let Some(Dialog::Connection(connection::Dialog::Form(shown))) = &world.model.dialog
            else {
                panic!("there is no dialog");
            };
            if shown.text(Field::User) == parts.user {
                filled += 1;
                assert_eq!(shown.secrets[&Field::Password].reveal(), parts.password, "{text:?}");
                assert_eq!(shown.text(Field::Database), parts.database, "{text:?}");
            } else {
                refused += 1;
                assert!(shown.problem(Field::Host).is_some(), "{text:?}");
                assert_eq!(shown.text(Field::Host), "", "{text:?}");
            }
        }
    }
    println!("{filled} fill the fields, {refused} are refused");
    assert!(filled > 4 * refused);
}

/// What the program says of a story on its standard output and error.
fn said(story: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let output = program::with_story(directory.path(), story)
        .env("HOME", directory.path())
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
        .output()
        .unwrap();
    assert!(!output.status.success(), "{story}");
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    format!("{out}{err}")
}

#[test]
fn a_story_that_fails_prints_no_piece_of_a_password() {
    let mut random = Random::new(seed());
    for _ in 0..as_many_as(1, 20) {
        for form in FORMS {
            let parts = Parts::new(&mut random);
            let text = (form.write)(&mut random, &parts).text.replace('\n', " ");
            let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
            let story = match random.below(5) {
                0 => format!("conect {text}\n"),
                1 => format!("connect {text}\nexpect result 1 rows 1\n"),
                2 => format!("expect screen contains \"{quoted}\"\n"),
                3 => format!("dump screen {text}/nowhere/a/file\n"),
                _ => format!("wait idle\n{text}\n"),
            };
            nothing_shows(&parts, &text, &[("what a story says", said(&story))]);
        }
        // A password alone, which no word around it tells.
        let parts = Parts::new(&mut random);
        let quoted = parts.password.replace('\\', "\\\\").replace('"', "\\\"");
        let url = format!("postgres://u:{}@127.0.0.1:1/d", parts::encoded(&parts.password));
        let story = format!("connect {url}\nexpect screen contains \"{quoted}\"\n");
        nothing_shows(&parts, &story, &[("what a story says", said(&story))]);
    }
}
