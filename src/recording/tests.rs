//! Recordings: replayed to the same hashes, cut, changed, masked, and without a password.

use super::{
    replay::{Kind, VERSION, replay_lines},
    writer::Writer,
    *,
};
use crate::{
    base::{
        ids::{ConnectionId, QueryId, Request},
        secret::{Secret, SecretKind, Secrets},
        text::{self, RopeText},
        transaction,
    },
    conninfo::{Config, Conninfo},
    failure::{Category, Failure},
    model::Model,
    rows::{ChunkBuilder, Column},
    settings,
    sql::safety::mask,
    update::{
        connection::{self, discovery, keychain, sandbox},
        keeping,
        query::{editor, session},
        shell::{command::Command, dialog, keys, place::Area, welcome},
        update,
    },
};
use std::{io, sync::Arc};

const PASSWORD: &str = "hunter2hunter2";

/// A file in memory that outlives its writer.
#[derive(Clone, Default)]
struct Shelf(Arc<std::sync::Mutex<Vec<u8>>>);

impl Shelf {
    fn taken(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl io::Write for Shelf {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn started(seed: u64) -> Msg {
    app::Msg::Started {
        seed,
        version: "1".into(),
        data_dir: "/data".into(),
        config_dir: String::new(),
        macos: false,
        recording: true,
    }
    .into()
}

/// Nothing was kept.
fn loaded(model: &Model) -> Msg {
    use crate::update::keeping;
    let crate::model::Phase::Loading { request } = model.phase else {
        panic!("nothing is being loaded");
    };
    let kept = Box::new(keeping::Kept {
        opened: keeping::Opened::OnDisk,
        connections: vec![],
        tabs: vec![],
        closed: vec![],
        history: vec![],
        settings: settings::Settings::default(),
    });
    keeping::Msg::Loaded { request, kept }.into()
}

fn at(step: u64) -> Stamp {
    Stamp { unix_us: 1_800_000_000_000_000 + step as i64, mono_us: step * 40_000 }
}

/// Records messages; answers with the file.
fn recorded(msgs: impl IntoIterator<Item = Msg>) -> Vec<u8> {
    let shelf = Shelf::default();
    let mut writer = Writer::begin(shelf.clone(), VERSION, 7).unwrap();
    for (step, msg) in msgs.into_iter().enumerate() {
        writer.message(at(step as u64), msg).unwrap();
    }
    writer.end().unwrap();
    shelf.taken()
}

fn replayed(file: &[u8]) -> Result<Replayed, ReplayProblem> {
    replay_lines(file, None, |_, _, _| {})
}

fn text_of(file: &[u8]) -> &str {
    std::str::from_utf8(file).unwrap()
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

fn chunk(dice: &mut Dice, columns: usize) -> Arc<crate::rows::Chunk> {
    let mut builder = ChunkBuilder::new(columns);
    for _ in 0..dice.below(20) {
        let mut body = u16::try_from(columns).unwrap().to_be_bytes().to_vec();
        for _ in 0..columns {
            match dice.below(4) {
                0 => body.extend((-1_i32).to_be_bytes()),
                1 => body.extend([0, 0, 0, 2, 0xc3, 0xff]),
                _ => body.extend([0, 0, 0, 3, b'a', b'"', b'b']),
            }
        }
        builder.push_data_row(&body).unwrap();
    }
    Arc::new(builder.finish())
}

/// A message that may happen in this state, or not: a user at the keys, and a runner that answers anything.
///
/// Half a string makes texts whose structure hangs on what is masked in them: only `wild` runs have it.
fn random(dice: &mut Dice, model: &Model, wild: bool) -> Msg {
    let query = model.pages.active().and_then(|tab| match &tab.run {
        crate::update::query::run::Run::Running(running) => Some(running.query),
        _ => None,
    });
    match dice.below(12) {
        0 | 1 => Command::ALL
            .iter()
            .copied()
            .filter(|command| *command != Command::AppQuit)
            .nth(dice.below(Command::ALL.len() - 1))
            .unwrap()
            .into(),
        2 | 3 => {
            let tame = ["select 1;", "é", "\n", "; "];
            let wilder = ["alter role x password 'geheim", "'", "$$", "--"];
            let text =
                if wild && dice.below(2) == 0 { dice.pick(&wilder) } else { dice.pick(&tame) };
            keys::Msg::Typed { text: text.into() }.into()
        }
        4 => keys::Msg::Pressed {
            keystroke: dice
                .pick(&["ctrl-enter", "backspace", "up", "shift-left", "enter", "escape", "x"])
                .into(),
        }
        .into(),
        5 => keys::Msg::SecretTyped { secret: Secret::new(PASSWORD) }.into(),
        6 => {
            let config = Config { host: dice.pick(&["a", "b"]).into(), ..Config::default() };
            let secrets = Secrets::with_password(Some(Secret::new(PASSWORD)));
            welcome::Msg::Asked {
                target: Box::new(welcome::Target::Conninfo(Conninfo { config, secrets })),
            }
            .into()
        }
        7 => random_link(dice, model),
        _ => random_answer(dice, query),
    }
}

/// What the server may say to a statement; where there is none, the user asks for one.
fn random_answer(dice: &mut Dice, query: Option<QueryId>) -> Msg {
    let Some(query) = query else {
        return match dice.below(3) {
            0 => app::Msg::AreaFocused { area: Area::Editor }.into(),
            1 => keys::Msg::Typed { text: "1 ".into() }.into(),
            _ => Command::QueryRunAll.into(),
        };
    };
    match dice.below(5) {
        0 => {
            let columns = vec![Column::new("n", 23, -1), Column::new("t", 25, -1)];
            query::Msg::Described { query, columns }.into()
        }
        1..4 => {
            let chunk = chunk(dice, 2);
            query::Msg::RowsArrived { query, chunk }.into()
        }
        _ => query::Msg::Finished {
            query,
            tag: "SELECT 1".into(),
            transaction: transaction::Transaction::Idle,
            discarded: 0,
            elapsed_us: 5,
        }
        .into(),
    }
}

/// What the runner would answer to a connection or a session that is being opened.
fn random_link(dice: &mut Dice, model: &Model) -> Msg {
    use crate::update::{connection::Link, query::run::Session};
    for (id, known) in &model.connections {
        if let Link::Opening { attempt, .. } = known.link {
            let failed = dice.below(4) == 0;
            let (connection, attempt) = (*id, attempt);
            return if failed {
                let failure = Failure::new(Category::Connection, "refused");
                connection::Msg::OpenFailed { connection, attempt, failure }.into()
            } else {
                let server = connection::ServerInfo::default();
                connection::Msg::Opened { connection, attempt, server }.into()
            };
        }
    }
    match model.pages.active().map(|tab| &tab.session) {
        Some(Session::Opening { id, .. }) => {
            session::Msg::Opened { session: *id, backend_pid: 1 }.into()
        }
        _ => app::Msg::WindowActivated.into(),
    }
}

/// A random run: its messages, as the program took them.
fn random_run(seed: u64, length: usize, wild: bool) -> Vec<Msg> {
    let mut dice = Dice(seed);
    let mut model = Model::default();
    let mut msgs = vec![started(seed)];
    update(&mut model, at(0), msgs[0].clone());
    let loaded = loaded(&model);
    update(&mut model, at(1), loaded.clone());
    msgs.push(loaded);
    for step in 2..length {
        let msg = random(&mut dice, &model, wild);
        update(&mut model, at(step as u64), msg.clone());
        msgs.push(msg);
    }
    msgs
}

#[test]
fn random_runs_replay_to_the_same_hashes_and_hold_no_password() {
    let mut with_rows = 0;
    for seed in 0..12 {
        let msgs = random_run(seed, 700, seed % 2 == 0);
        let file = recorded(msgs.iter().cloned());
        let replay = replayed(&file).unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        assert_eq!(replay.messages, msgs.len() as u64);
        assert!(!replay.stopped && replay.cut.is_none());
        let text = text_of(&file);
        assert!(!text.contains(PASSWORD), "seed {seed}");
        assert!(text.contains("\"check\""));
        with_rows += usize::from(text.contains("\"RowsArrived\""));
        assert_eq!(file, recorded(msgs), "seed {seed}: not the same twice");
    }
    assert!(with_rows > 0, "no run came to rows");
}

#[test]
fn the_state_of_the_recorder_is_that_of_the_program_but_for_secrets() {
    let msgs = random_run(3, 400, false);
    let mut live = Model::default();
    for (step, msg) in msgs.iter().enumerate() {
        update(&mut live, at(step as u64), msg.clone());
    }
    let replay = replayed(&recorded(msgs)).unwrap();
    assert_eq!(replay.model.cx.ids, live.cx.ids);
    assert_eq!(replay.model.pages.open.len(), live.pages.open.len());
    let lengths = |model: &Model| -> Vec<usize> {
        let tabs = model.pages.open.iter();
        tabs.map(|tab| tab.editor.buffer.text().len()).collect()
    };
    assert_eq!(lengths(&replay.model), lengths(&live));
}

#[test]
fn a_change_of_any_line_is_found_at_its_message() {
    let file = recorded(random_run(5, 300, true));
    let lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
    let mut messages = 0;
    for (index, line) in lines.iter().enumerate() {
        let is_message = line.starts_with(b"{\"n\":");
        let digit = line.iter().rposition(u8::is_ascii_digit).unwrap();
        // One byte in the middle, and one of the line's own hash.
        for place in [line.len() / 2, digit] {
            let mut changed = line.to_vec();
            changed[place] = if changed[place] == b'1' { b'2' } else { b'1' };
            let file: Vec<u8> = lines
                .iter()
                .enumerate()
                .flat_map(|(at, line)| if at == index { &changed[..] } else { line })
                .copied()
                .collect();
            let problem = replayed(&file).unwrap_err();
            let expected = if index == 0 { 0 } else { messages + 1 };
            assert_eq!(problem.message, expected, "line {index}: {problem}");
        }
        messages += u64::from(is_message);
    }
    assert_eq!(messages, 300);
}

#[test]
fn a_line_that_was_taken_out_added_or_moved_is_found() {
    let file = recorded(random_run(5, 20, true));
    let lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
    let mut without = lines.clone();
    without.remove(7);
    assert_eq!(replayed(&without.concat()).unwrap_err().kind, Kind::Changed(7));
    let mut swapped = lines.clone();
    swapped.swap(7, 8);
    assert_eq!(replayed(&swapped.concat()).unwrap_err().kind, Kind::Changed(7));
    let mut doubled = lines.clone();
    doubled.push(lines[3]);
    assert_eq!(replayed(&doubled.concat()).unwrap_err().kind, Kind::Longer(20));
}

#[test]
fn a_recording_that_was_cut_says_where() {
    let file = recorded(random_run(5, 20, true));
    let lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
    let first_ten = lines[..11].concat();
    assert_eq!(replayed(&first_ten).unwrap_err().kind, Kind::Missing(11));
    let half_a_line = &file[..first_ten.len() + 9];
    assert_eq!(replayed(half_a_line).unwrap_err().kind, Kind::Missing(11));
    let until = replay_lines(&first_ten[..], Some(10), |_, _, _| {}).unwrap();
    assert_eq!((until.messages, until.stopped), (10, true));
}

#[test]
fn lines_that_are_whole_but_lead_elsewhere_are_found_by_the_hash() {
    // A true chain over a false message: what another program of the same version would make of it.
    let shelf = Shelf::default();
    let mut writer = Writer::begin(shelf.clone(), VERSION, 7).unwrap();
    writer.message(at(0), started(7)).unwrap();
    writer.end().unwrap();
    let file = shelf.taken();
    let mut chain = 0;
    let mut forged = Vec::new();
    for line in text_of(&file).lines() {
        let (content, _) = line.rsplit_once(",\"chain\"").unwrap();
        let mut line = format!("{content}}}").replace("\"/data\"", "\"/elsewhere\"").into_bytes();
        chain = lines::close(chain, &mut line);
        forged.extend(line);
    }
    let problem = replayed(&forged).unwrap_err();
    assert_eq!(problem.kind, Kind::Differs { message: 1 });
}

#[test]
fn the_recording_of_another_version_is_refused_before_any_message() {
    let shelf = Shelf::default();
    let mut writer = Writer::begin(shelf.clone(), "0.0.9", 7).unwrap();
    writer.message(at(0), started(7)).unwrap();
    writer.end().unwrap();
    let mut seen = 0;
    let problem = replay_lines(&shelf.taken()[..], None, |_, _, _| seen += 1).unwrap_err();
    assert_eq!((seen, problem.message), (0, 0));
    assert_eq!(
        problem.to_string(),
        format!(
            "The recording was made by Tusk 0.0.9, and this is Tusk {VERSION}: replay it with the version that made it."
        )
    );
}

#[test]
fn what_is_no_recording_is_told_from_one() {
    assert_eq!(replayed(b"").unwrap_err().kind, Kind::NotARecording);
    assert_eq!(replayed(b"select 1;\n").unwrap_err().kind, Kind::NotARecording);
    let mut head = br#"{"tusk":"9","format":9,"hash":"h","seed":1}"#.to_vec();
    lines::close(0, &mut head);
    assert_eq!(replayed(&head).unwrap_err().kind, Kind::Format(9));
}

#[test]
fn a_chunk_of_rows_is_recorded_once() {
    let mut dice = Dice(1);
    let query = QueryId::next(&mut Model::default().cx.ids);
    let chunk = chunk(&mut dice, 2);
    let digest = format!("{:016x}", chunk.digest());
    let file = recorded([started(1), query::Msg::RowsArrived { query, chunk }.into()]);
    assert_eq!(text_of(&file).matches(&digest).count(), 1);
}

fn leaking_sql() -> String {
    format!("alter role x password '{PASSWORD}'")
}

fn leaking_failure() -> Failure {
    let sql = leaking_sql();
    Failure {
        context: Some(format!("SQL statement \"{sql}\"")),
        internal: Some((1, sql.clone())),
        detail: Some(format!("password={PASSWORD} host=h")),
        ..Failure::new(Category::Query, format!("in \"{sql}\""))
    }
}

/// Messages of fields and servers that carry a password.
fn leaks_of_secrets() -> Vec<Msg> {
    let secret = || Secret::new(PASSWORD);
    let request = Request(1);
    let connection = ConnectionId::next(&mut Model::default().cx.ids);
    let url = format!("postgres://a:{PASSWORD}@h/d");
    vec![
        keys::Msg::SecretTyped { secret: secret() }.into(),
        dialog::Msg::SecretEdited { field: 0, secret: secret() }.into(),
        welcome::edited(&url, &Default::default()).into(),
        keychain::Msg::Read {
            request,
            connection,
            kind: SecretKind::Database,
            result: Ok(secret()),
        }
        .into(),
        sandbox::Msg::Started {
            request,
            host: "h".into(),
            port: 1,
            user: "u".into(),
            database: "d".into(),
            password: Some(secret()),
        }
        .into(),
    ]
}

/// Messages whose texts carry a password.
fn leaks_of_texts() -> Vec<Msg> {
    let request = Request(1);
    let mut ids = Model::default().cx.ids;
    let session = crate::base::ids::SessionId::next(&mut ids);
    let query = QueryId::next(&mut ids);
    let entry = keeping::HistoryEntry {
        query,
        at_us: 0,
        connection: "".into(),
        database: "".into(),
        sql: leaking_sql().into(),
        elapsed_us: None,
        outcome: keeping::HistoryOutcome::Failed {
            sqlstate: None,
            message: format!("in \"{}\"", leaking_sql()),
        },
    };
    let stamp = crate::update::files::FileStamp { modified_us: 0, length: 0, digest: 0 };
    let text = leaking_sql();
    vec![
        dialog::Msg::FieldEdited { field: 0, text: text.clone() }.into(),
        session::Msg::Noticed { session, query: None, notice: Box::new(leaking_failure()) }.into(),
        query::Msg::Failed {
            query,
            failure: Box::new(leaking_failure()),
            transaction: transaction::Transaction::Idle,
            elapsed_us: 0,
        }
        .into(),
        keeping::Msg::HistoryFound { request, entries: Ok(vec![entry]) }.into(),
        crate::update::files::Msg::Opened {
            request,
            path: "/a".into(),
            result: Ok(crate::update::files::Read::plain(RopeText::from(text.as_str()), stamp)),
        }
        .into(),
        app::Msg::Warned { text }.into(),
    ]
}

#[test]
fn no_message_brings_a_password_into_a_recording() {
    for msg in leaks_of_secrets().into_iter().chain(leaks_of_texts()) {
        let file = recorded([started(1), msg.clone()]);
        assert!(!text_of(&file).contains(PASSWORD), "{}", text_of(&file));
        let mut seen = String::new();
        replay_lines(&file[..], None, |_, _, msg| seen += &format!("{msg:?}")).unwrap();
        assert!(!seen.contains(PASSWORD), "{seen}");
    }
}

#[test]
fn a_password_typed_letter_by_letter_is_masked_where_it_stands() {
    let mut msgs = vec![started(1)];
    let mut live = Model::default();
    update(&mut live, at(0), started(1));
    live.focus(Area::Editor);
    msgs.push(app::Msg::AreaFocused { area: Area::Editor }.into());
    for letter in format!("alter role x password '{PASSWORD}'; select 'plain'").chars() {
        let keystroke = if letter == ' ' { "space".into() } else { letter.to_string() };
        msgs.push(keys::Msg::Pressed { keystroke }.into());
    }
    let replay = replayed(&recorded(msgs)).unwrap();
    let buffer = &replay.model.pages.active().unwrap().editor.buffer;
    let expected =
        format!("alter role x password '{}'; select 'plain'", "*".repeat(PASSWORD.len()));
    assert_eq!(buffer.string(), expected);
}

#[test]
fn edits_of_several_cursors_are_masked_each_in_its_place() {
    let mut live = Model::default();
    update(&mut live, at(0), started(1));
    let tab = live.pages.active;
    let edited = |base, edits: Vec<(usize, usize, &str)>| Msg::Editor {
        tab,
        msg: editor::Msg::Edited {
            base,
            edits: edits
                .into_iter()
                .map(|(start, removed, inserted)| text::Edit {
                    start,
                    removed,
                    inserted: inserted.into(),
                })
                .collect(),
            anchor: 0,
            head: 0,
        },
    };
    let first = "alter role a password '';\nselect '';";
    let (one, two) = (first.find("''").unwrap() + 1, first.rfind("''").unwrap() + 1);
    let msgs = [
        started(1),
        edited(0, vec![(0, 0, first)]),
        // From the end to the beginning, as an editor applies them.
        edited(1, vec![(two, 0, "geheim"), (one, 0, "geheim")]),
    ];
    let replay = replayed(&recorded(msgs)).unwrap();
    assert_eq!(
        replay.model.pages.active().unwrap().editor.buffer.string(),
        "alter role a password '******';\nselect 'geheim';"
    );
}

#[test]
fn half_a_password_is_not_taken_for_a_port_and_a_port_is_kept() {
    let environment = discovery::Environment { user: "ann".into(), ..Default::default() };
    let found = discovery::Msg::ServersFound { request: Request(1), servers: vec![], environment };
    let mut defaults = Model::default().defaults;
    defaults.user = "ann".into();
    let typed = |text: &str| Msg::from(welcome::edited(text, &defaults));
    let focus = Msg::from(app::Msg::AreaFocused { area: Area::Welcome });
    let file = recorded([
        started(1),
        found.clone().into(),
        focus.clone(),
        typed("app:4711"),
        typed("app:4711x@h/d"),
    ]);
    assert!(!text_of(&file).contains("4711"), "{}", text_of(&file));
    let file = recorded([
        started(1),
        found.into(),
        focus,
        typed("localhost:4711"),
        Command::DialogAccept.into(),
    ]);
    let replay = replayed(&file).unwrap();
    let ports: Vec<u16> =
        replay.model.connections.values().map(|known| known.config.port).collect();
    assert_eq!(ports, [4711]);
}

#[test]
fn masked_texts_keep_their_length_and_lines() {
    let sql = "alter role x password 'ge\nhéim';";
    assert!(!mask::secrets(sql).is_empty());
    let masked = redact::text(sql);
    assert_eq!(masked.len(), sql.len());
    assert_eq!(masked, "alter role x password '**\n*****';");
}

#[test]
fn a_dump_of_the_model_has_no_password_of_its_texts() {
    let mut model = Model::default();
    let tab = model.pages.active;
    let sql = format!("alter role x password '{PASSWORD}'");
    crate::update::query::editor::replace_all(&mut model.pages, &mut model.cx, tab, &sql);
    let dump = redact::model(&model).unwrap().to_string();
    assert!(dump.contains("alter role x") && !dump.contains(PASSWORD));
}

#[test]
fn the_file_is_its_owners_alone_and_no_other_file_is_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.tusk");
    let begin = || Recorder::start(&path, VERSION, 7, flume::unbounded().0);
    begin().unwrap().finish();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    let mut recorder = begin().unwrap();
    recorder.record(at(0), &started(1));
    recorder.finish();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(replay(&path, None).unwrap().messages, 1);
    std::fs::write(&path, "select 1;").unwrap();
    assert!(matches!(begin(), Err(RecordingError::NotARecording(_))));
    assert_eq!(std::fs::read(&path).unwrap(), b"select 1;");
}

#[test]
fn a_recorder_that_cannot_keep_up_ends_the_recording_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.tusk");
    let (outbox, inbox) = flume::unbounded();
    let mut recorder = Recorder::start(&path, VERSION, 7, outbox).unwrap();
    recorder.limits.bytes = 0;
    recorder.record(at(0), &started(1));
    let query = QueryId::next(&mut Model::default().cx.ids);
    let chunk = chunk(&mut Dice(4), 2);
    recorder.record(at(1), &query::Msg::RowsArrived { query, chunk }.into());
    recorder.record(at(2), &Command::TabNew.into());
    recorder.finish();
    let told: Vec<Msg> = inbox.drain().collect();
    assert!(matches!(&told[..], [Msg::App(app::Msg::RecordingEnded { .. })]));
    let replay = replay(&path, None).unwrap();
    assert_eq!(replay.messages, 1);
    assert!(replay.cut.unwrap().contains("keep up"));
}

#[test]
fn a_replay_stops_at_the_message_that_is_named() {
    let msgs = random_run(9, 50, true);
    let mut live = Model::default();
    update(&mut live, at(0), msgs[0].clone());
    let file = recorded(msgs);
    let stopped = replay_lines(&file[..], Some(1), |_, _, _| {}).unwrap();
    assert_eq!((stopped.messages, stopped.stopped), (1, true));
    assert_eq!(of_model(&stopped.model).unwrap(), of_model(&live).unwrap());
}

#[test]
fn a_secret_of_a_statement_is_masked_in_its_rows_and_messages() {
    let mut builder = ChunkBuilder::new(2);
    for value in [&b"role r"[..], b"was hunter2hunter2!", b"\xff hunter2hunter2"] {
        let mut body = vec![0, 2, 0xff, 0xff, 0xff, 0xff];
        body.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
        body.extend(value);
        builder.push_data_row(&body).unwrap();
    }
    let query = QueryId::next(&mut Model::default().cx.ids);
    let shelf = Shelf::default();
    let mut writer = Writer::begin(shelf.clone(), VERSION, 7).unwrap();
    writer.message(at(0), started(1)).unwrap();
    writer.learn(&format!("alter role r password {PASSWORD}"));
    let chunk = Arc::new(builder.finish());
    let failure = Box::new(Failure::new(Category::Query, format!("near {PASSWORD}")));
    for msg in [
        query::Msg::RowsArrived { query, chunk },
        query::Msg::Failed {
            query,
            failure,
            transaction: transaction::Transaction::Idle,
            elapsed_us: 1,
        },
    ] {
        writer.message(at(1), msg.into()).unwrap();
    }
    writer.end().unwrap();
    let file = shelf.taken();
    let text = text_of(&file);
    assert!(!text.contains("hunter2"), "{text}");
    assert!(text.contains("was ***!") && text.contains("role r"), "{text}");
    assert!(text.contains("near ***"), "{text}");
    replayed(&file).unwrap();
}
