//! Files through Tusk without a window and back: their bytes, their encodings, and what others write to them.

use super::*;
use crate::{
    base::{ids::TabId, stamp::Stamp, text::Edit},
    effect::Effect as RootEffect,
    generated::{Random, as_many_as, seed},
    model::Model,
    update::{
        self,
        files::{self, prompt},
        query::{self, editor, file},
        shell::{command, dialog::Dialog},
    },
};

use std::fs;

/// Letters that few encodings have in the same place, control codes among them.
const LETTERS: &[char] = &[
    'a', 'é', 'ß', 'ÿ', '€', '“', '\u{85}', '\u{9f}', '\u{a0}', 'Ž', 'ğ', 'я', 'λ', 'א', '日',
    '한', '😀', '\'', ';', '-',
];
const BREAKS: &[&str] = &["\n", "\r\n", "\r", "\n\r\n"];

fn generated_text(random: &mut Random, encoding: Encoding) -> String {
    let one = *random.pick(BREAKS);
    let is_mixed = random.chance(25);
    let mut text = String::new();
    for _ in 0..random.below(12) {
        text.push_str("select '");
        for _ in 0..random.below(8) {
            let letter = *random.pick(LETTERS);
            let mut bytes = Vec::new();
            // Only what leads back to itself is text of a file in this encoding.
            let said = encode(encoding, letter.encode_utf8(&mut [0; 4]), &mut bytes);
            if said.is_ok()
                && decode(encoding, &bytes).is_some_and(|back| back.chars().eq([letter]))
            {
                text.push(letter);
            }
        }
        text.push_str("';");
        text.push_str(if is_mixed { random.pick::<&str>(BREAKS) } else { one });
    }
    text
}

fn bytes_of(text: &str, form: Form) -> Vec<u8> {
    let mut bytes = Vec::new();
    if form.mark {
        bytes.extend_from_slice(mark(form.encoding));
    }
    encode(form.encoding, text, &mut bytes).unwrap();
    bytes
}

/// Tusk without a window, with nothing but its files behind it.
struct Desk {
    model: Model,
}

impl Desk {
    fn new() -> Self {
        Self { model: Model::new(1, false, Stamp::default()) }
    }

    fn settle(&mut self, effects: Vec<RootEffect>) {
        let mut waiting = effects;
        while let Some(effect) = waiting.pop() {
            if let RootEffect::File(effect) = effect {
                let answer = super::super::perform(effect);
                waiting.extend(update::update(&mut self.model, Stamp::default(), answer.into()));
            }
        }
    }

    fn open(&mut self, path: &str, encoding: Encoding) {
        prompt::open_path(&mut self.model.files, &mut self.model.cx, path.to_owned());
        let effects = self.model.cx.take_asked();
        self.settle(effects);
        if let Some(Dialog::Files(files::Dialog::Encoding(prompt))) = &mut self.model.dialog {
            let mut choices = prompt.choices.iter();
            prompt.selected = choices
                .position(|choice| choice.encoding == encoding)
                .unwrap_or_else(|| panic!("{encoding:?} is not offered: {:?}", prompt.choices));
            self.command(command::Command::DialogAccept);
        }
        assert_eq!(self.model.dialog, None);
    }

    fn command(&mut self, command: command::Command) {
        let effects = update::update(&mut self.model, Stamp::default(), command.into());
        self.settle(effects);
    }

    fn save(&mut self) {
        self.command(command::Command::FileSave);
    }

    fn text(&self) -> String {
        self.model.pages.active().unwrap().editor.buffer.string()
    }

    fn edit(&mut self, edit: Edit) {
        let tab: TabId = self.model.pages.active;
        let at = edit.start + edit.inserted.len();
        let msg = editor::Msg::Edited {
            base: self.model.pages.active().unwrap().editor.buffer.revision(),
            edits: vec![edit],
            anchor: at,
            head: at,
        };
        editor::update(&mut self.model.pages, &mut self.model.cx, tab, msg);
        let effects = self.model.cx.take_asked();
        self.settle(effects);
    }

    fn notices(&self) -> String {
        format!("{:?}", self.model.cx.notices)
    }
}

/// What is opened and saved is the same file, whatever its encoding, its mark and its line ends; and an edit changes
/// nothing but itself.
#[test]
fn a_file_that_is_opened_and_saved_is_the_same_file() {
    let mut random = Random::new(seed());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.sql");
    let name = path.to_str().unwrap();
    let encodings = [
        Encoding::Utf8,
        Encoding::Utf16Le,
        Encoding::Utf16Be,
        Encoding::Latin1,
        Encoding::Windows1252,
        Encoding::Windows1251,
        Encoding::Latin9,
        Encoding::ShiftJis,
        Encoding::Gb18030,
    ];
    for case in 0..as_many_as(200, 20_000) {
        let encoding = *random.pick(&encodings);
        let form = Form { encoding, mark: !mark(encoding).is_empty() && random.chance(50) };
        let text = generated_text(&mut random, encoding);
        let bytes = bytes_of(&text, form);
        // Bytes that are UTF-8 too are taken for it: nobody can tell, and they are written as they were.
        let (form, text) = match std::str::from_utf8(&bytes) {
            Ok(same) if encoding.is_ascii_based() && !bytes.is_ascii() && !form.mark => {
                (Form::default(), same.to_owned())
            }
            _ => (form, text),
        };
        fs::write(&path, &bytes).unwrap();
        let mut desk = Desk::new();
        desk.open(name, form.encoding);
        assert_eq!(desk.text(), text, "case {case}: {form:?}");
        desk.save();
        assert_eq!(fs::read(&path).unwrap(), bytes, "case {case}: {form:?}");

        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let at = places.get(random.below(places.len().max(1))).copied().unwrap_or(0);
        desk.edit(Edit { start: at, removed: 0, inserted: "x".into() });
        desk.save();
        let mut edited = text.clone();
        edited.insert(at, 'x');
        let written = fs::read(&path).unwrap();
        let is_plain =
            bytes.is_empty() || bytes.is_ascii() && !form.mark && form.encoding.is_ascii_based();
        let form = if is_plain { Form::default() } else { form };
        assert_eq!(written, bytes_of(&edited, form), "case {case}: {form:?}");
    }
}

#[test]
fn a_file_says_what_it_is() {
    let head =
        "--\n-- PostgreSQL database dump\n--\n\\restrict abc\n\nSET statement_timeout = 0;\n";
    for (text, encoding) in [
        (format!("{head}SET client_encoding = 'LATIN1';\nselect 'é';"), Encoding::Latin1),
        (
            format!("{head}set session client_encoding to win1252;\nselect 'é';"),
            Encoding::Windows1252,
        ),
        ("SET NAMES 'LATIN9';\nselect 'é';".into(), Encoding::Latin9),
        ("\\encoding WIN1252\nselect 'é';".into(), Encoding::Windows1252),
        ("\\set x 1\n\\encoding 'latin1'\nselect 'é';".into(), Encoding::Latin1),
        (
            "select pg_catalog.set_config('client_encoding', 'WIN1250', false);\nselect 'é';"
                .into(),
            Encoding::Windows1250,
        ),
        ("-- -*- coding: latin-1-dos -*-\nselect 'é';".into(), Encoding::Latin1),
        (
            "/* x */\n-- vim: set ts=2 fileencoding=cp1252 :\nselect 'é';".into(),
            Encoding::Windows1252,
        ),
        ("\r-- vim:fenc=latin1\rselect 'é';".into(), Encoding::Latin1),
    ] {
        let bytes = bytes_of(&text, Form { encoding, mark: false });
        let (found, form) = read(&bytes, Reading::Detect).unwrap();
        assert_eq!((&*found, form), (&*text, Form { encoding, mark: false }));
    }
    // What is said once the script has begun says nothing of the file.
    for text in [
        "select 1; SET client_encoding = 'LATIN1'; select 'é';",
        "-- encoding: latin1, decoding: latin1\nselect 'é';",
        "SET client_encoding = 'SQL_ASCII'; select 'é';",
    ] {
        let bytes = bytes_of(text, Form { encoding: Encoding::Latin1, mark: false });
        let choices = read(&bytes, Reading::Detect).unwrap_err();
        assert_eq!(choices[0].encoding, Encoding::Windows1252, "{text}");
    }
}

#[test]
fn what_a_file_says_against_its_bytes_is_asked() {
    let offered = |bytes: &[u8]| -> Vec<Encoding> {
        let choices = read(bytes, Reading::Detect).unwrap_err();
        choices.iter().map(|choice| choice.encoding).collect()
    };
    let found = offered("SET client_encoding = 'LATIN1'; select 'é';".as_bytes());
    assert_eq!(found[..2], [Encoding::Latin1, Encoding::Utf8]);
    let found = offered(b"SET client_encoding = 'UTF8'; select '\xe9';");
    assert_eq!(found[0], Encoding::Windows1252);
    // UTF-16 without a mark looks like ASCII with zeros between.
    let wide = bytes_of("select 'я';", Form { encoding: Encoding::Utf16Be, mark: false });
    assert_eq!(offered(&wide)[0], Encoding::Utf16Be);
    assert_eq!(offered(b"\xff\xfea\0\0"), []);
    assert_eq!(offered(&[0, 159, 146, 150, 1]), []);
}

#[test]
fn a_choice_shows_the_line_that_tells() {
    let choices = read(b"select 1;\r\n  select '\x80\xe9';\r\n", Reading::Detect).unwrap_err();
    let shown = |encoding| {
        let choice = choices.iter().find(|choice| choice.encoding == encoding);
        choice.unwrap().preview.clone()
    };
    assert_eq!(shown(Encoding::Windows1252), "  select '€é';");
    assert_eq!(shown(Encoding::Latin1), "  select '\\u{80}é';");
    assert_eq!(shown(Encoding::Windows1251), "  select 'Ђй';");
}

#[test]
fn what_is_known_decides_where_the_file_does_not() {
    let form = |bytes: &[u8], known| read(bytes, Reading::Known(known)).map(|read| read.1.encoding);
    assert_eq!(form(b"select '\xe9'", Encoding::Latin1), Ok(Encoding::Latin1));
    assert_eq!(form(b"select 1", Encoding::Latin1), Ok(Encoding::Latin1));
    // It was made UTF-8 elsewhere.
    assert_eq!(form("select 'é'".as_bytes(), Encoding::Latin1), Ok(Encoding::Utf8));
    assert_eq!(form(b"select '\xe9'", Encoding::Utf8).map_err(|_| ()), Err(()));
}

#[test]
fn latin_1_is_not_windows_1252() {
    let all: Vec<u8> = (0..=255).collect();
    let text = decode(Encoding::Latin1, &all).unwrap();
    assert!(text.chars().eq((0..=255_u8).map(char::from)));
    for encoding in Encoding::ALL.iter().copied().filter(|encoding| encoding.is_ascii_based()) {
        for byte in 0..=255_u8 {
            if let Some(text) = decode(encoding, &[byte]) {
                let mut again = Vec::new();
                encode(encoding, &text, &mut again).unwrap();
                assert_eq!(again, [byte], "{encoding:?}");
            }
        }
    }
    assert!(encode(Encoding::Latin1, "€", &mut Vec::new()).is_err());
}

#[test]
fn a_character_that_the_encoding_has_not_is_named_and_nothing_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.sql");
    let bytes = b"-- vim: fenc=latin1\r\nselect '\xe9';";
    fs::write(&path, bytes).unwrap();
    let mut desk = Desk::new();
    desk.open(path.to_str().unwrap(), Encoding::Latin1);
    let at = desk.text().rfind('é').unwrap();
    desk.edit(Edit { start: at, removed: 0, inserted: "€".into() });
    desk.save();
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let screen = crate::story::screen_text(&desk.model);
    assert!(screen.contains("is Latin-1, which has no “€”"), "{screen}");
    assert!(screen.contains("line 2, column 9 (U+20AC)"), "{screen}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    desk.command(command::Command::DialogCancel);
    assert!(desk.model.pages.active().unwrap().editor.is_unsaved());
    desk.save();
    desk.command(command::Command::DialogAccept);
    assert_eq!(fs::read_to_string(&path).unwrap(), desk.text());
    assert!(!desk.model.pages.active().unwrap().editor.is_unsaved());
}

#[test]
fn a_file_that_changed_elsewhere_is_read_again_where_nothing_was_typed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.sql");
    fs::write(&path, "select 1;\nselect 2;\nselect 3;\n").unwrap();
    let mut desk = Desk::new();
    desk.open(path.to_str().unwrap(), Encoding::Utf8);
    desk.model.pages.active_mut().unwrap().editor.buffer.select(20, 20);
    fs::write(&path, "select 0;\nselect 1;\nselect 2;\nselect 3;\n").unwrap();
    file::check(&mut desk.model.pages, &mut desk.model.cx);
    let effects = desk.model.cx.take_asked();
    desk.settle(effects);
    assert_eq!(desk.model.dialog, None);
    assert_eq!(desk.text(), "select 0;\nselect 1;\nselect 2;\nselect 3;\n");
    let head = desk.model.pages.active().unwrap().editor.buffer.head();
    assert_eq!(head, 30);
    assert!(!desk.model.pages.active().unwrap().editor.is_unsaved());
    assert!(desk.notices().contains("is read again"), "{}", desk.notices());

    // With edits, nobody but the user can say which text it shall be.
    desk.edit(Edit { start: 0, removed: 0, inserted: "-- ".into() });
    fs::write(&path, "theirs").unwrap();
    file::check(&mut desk.model.pages, &mut desk.model.cx);
    let effects = desk.model.cx.take_asked();
    desk.settle(effects);
    assert!(matches!(desk.model.dialog, Some(Dialog::Query(query::Dialog::Reload { .. }))));
    assert!(desk.text().starts_with("-- select 0"));
}

/// What is typed while the file is being read again is not overwritten.
#[test]
fn what_is_typed_while_a_file_is_read_again_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.sql");
    fs::write(&path, "one").unwrap();
    let mut desk = Desk::new();
    desk.open(path.to_str().unwrap(), Encoding::Utf8);
    fs::write(&path, "theirs").unwrap();
    file::check(&mut desk.model.pages, &mut desk.model.cx);
    let mut effects = desk.model.cx.take_asked();
    let Some(RootEffect::File(check)) = effects.pop() else { panic!("no check") };
    let checked = super::super::perform(check);
    let effects = update::update(&mut desk.model, Stamp::default(), checked.into());
    desk.edit(Edit { start: 3, removed: 0, inserted: "!".into() });
    desk.settle(effects);
    assert_eq!(desk.text(), "one!");
    assert!(desk.model.dialog.is_some());
}
