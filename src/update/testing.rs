//! A small world for the tests of `update`: it feeds messages, answers effects as a runner would, and names effects.

use crate::{
    base::{
        ids::*,
        secret::{Secret, Secrets},
        stamp::Stamp,
        transaction::Transaction,
    },
    catalog,
    conninfo::{Config, Conninfo},
    effect::Effect,
    failure::{Category, Failure},
    model::Model,
    msg::Msg,
    rows::{Chunk, ChunkBuilder, Column},
    settings,
    update::{
        connection::{
            self,
            discovery::{self, Environment},
        },
        keeping,
        query::{
            self,
            page::Page,
            run::{Live, Run, Session},
            session,
        },
        schema,
        shell::{app, command::Command, keys, welcome},
        update,
    },
};
use std::sync::Arc;

/// A Model, and the messages that come to it a millisecond apart.
pub struct World {
    pub model: Model,
    at: Stamp,
}

/// The effects of each room under the room's name in [`Effect`], for [`expect!`] and [`count!`].
pub mod asked {
    pub use crate::{
        effect::Effect as Root,
        update::{
            clock::Effect as Clock,
            connection::{
                Effect as Connection, discovery::Effect as Discovery, keychain::Effect as Keychain,
                sandbox::Effect as Sandbox,
            },
            files::Effect as File,
            jobs::Effect as Job,
            keeping::Effect as Store,
            query::{Effect as Query, session::Effect as Session},
            results::contract::Effect as Cells,
            schema::Effect as Schema,
            settings::file::Effect as SettingsFile,
            window::Effect as Window,
        },
    };
}

/// Holds effects against the whole list that is expected, as patterns: a missing effect fails, and so does one that is
/// left over. What a pattern binds can be used afterwards; a condition on it may stand behind the list.
///
/// ```text
/// expect!(world.run("select 1"), [Store(RecordRuns { .. }), Query(Run { session, .. })]);
/// assert_eq!(*session, world.session());
/// expect!(world.command(Command::TabClose), [Session(End { session, .. })] if *session == first);
/// ```
macro_rules! expect_effects {
    ($effects:expr, [$($room:ident($what:ident $($fields:tt)?)),* $(,)?] $(if $condition:expr)? $(,)?) => {
        let effects = &$effects[..];
        let [$($crate::update::testing::asked::Root::$room(
            $crate::update::testing::asked::$room::$what $($fields)?
        )),*] = effects else {
            $crate::update::testing::unexpected(effects, &[$((
                concat!(stringify!($room), "(", stringify!($what $($fields)?), ")"),
                |effect| $crate::update::testing::count!([effect], $room($what $($fields)?)) == 1,
            )),*])
        };
        $(assert!($condition, "of {effects:#?}");)?
    };
}
pub(crate) use expect_effects as expect;

/// How many effects are like a pattern, where it doesn't matter what else is asked for.
macro_rules! count_effects {
    ($effects:expr, $room:ident($what:ident $($fields:tt)?)) => {{
        let mut count = 0;
        for effect in &$effects[..] {
            #[allow(unused_variables)]
            if let $crate::update::testing::asked::Root::$room(
                $crate::update::testing::asked::$room::$what $($fields)?
            ) = effect
            {
                count += 1;
            }
        }
        count
    }};
}
pub(crate) use count_effects as count;

/// A pattern as it is written, and whether an effect is like it.
pub type Pattern = (&'static str, fn(&Effect) -> bool);

/// Says which effects were asked for, and which pattern is not like the effect at its place.
#[track_caller]
pub fn unexpected(effects: &[Effect], patterns: &[Pattern]) -> ! {
    let mut said = String::new();
    for (at, (pattern, matches)) in patterns.iter().enumerate() {
        let verdict = match effects.get(at) {
            Some(effect) if matches(effect) => "is there",
            Some(_) => "IS NOT LIKE the effect there",
            None => "IS MISSING",
        };
        said += &format!("{at}: {pattern} {verdict}\n");
    }
    for at in patterns.len()..effects.len() {
        said += &format!("{at}: an effect IS LEFT OVER\n");
    }
    panic!("other effects were expected:\n{said}these were asked for: {effects:#?}")
}

/// A failure that the server reports.
pub fn refusal(sqlstate: &str, message: &str) -> Failure {
    Failure {
        sqlstate: Some(sqlstate.into()),
        severity: "ERROR".into(),
        ..Failure::new(Category::Query, message)
    }
}

/// A link that broke.
pub fn broken() -> Failure {
    Failure::new(Category::Connection, "connection closed")
}

/// Rows of one column, `bytes` wide.
pub fn chunk(rows: usize, bytes: usize) -> Arc<Chunk> {
    let mut builder = ChunkBuilder::new(1);
    let value = vec![b'x'; bytes];
    let row = crate::rows::samples::data_row(&[Some(value)]);
    for _ in 0..rows {
        builder.push_data_row(&row).unwrap();
    }
    Arc::new(builder.finish())
}

/// What is kept where nothing was.
pub fn nothing_kept() -> keeping::Kept {
    keeping::Kept {
        opened: keeping::Opened::OnDisk,
        connections: vec![],
        tabs: vec![],
        closed: vec![],
        history: vec![],
        settings: settings::Settings::default(),
    }
}

/// A configuration to connect with.
pub fn config(port: u16) -> Config {
    Config { port, user: "ada".into(), database: "shop".into(), ..Config::default() }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A program that has started and found nothing kept.
    pub fn new() -> Self {
        Self::with(nothing_kept())
    }

    /// A program that has started and found this.
    pub fn with(kept: keeping::Kept) -> Self {
        let mut world = Self::loading();
        world.load(kept);
        world
    }

    /// A program that reads what was kept.
    pub fn loading() -> Self {
        let mut world = Self { model: Model::default(), at: Stamp::default() };
        world.send(app::Msg::Started {
            seed: 7,
            version: "1".into(),
            data_dir: "/data".into(),
            config_dir: String::new(),
            macos: false,
            recording: false,
        });
        let keymap: Vec<Request> = world.model.files.keys().copied().collect();
        for request in keymap {
            world.send(crate::update::files::Msg::Opened {
                request,
                path: String::new(),
                // Like most users, this one has no keymap of their own.
                result: Err(Failure::new(Category::Storage, "no such file").into()),
            });
        }
        world
    }

    /// Answers the load.
    pub fn load(&mut self, kept: keeping::Kept) -> Vec<Effect> {
        let crate::model::Phase::Loading { request } = self.model.phase else {
            panic!("nothing is being loaded");
        };
        let kept = Box::new(kept);
        self.send(keeping::Msg::Loaded { request, kept })
    }

    /// The same world with its tab on an open connection.
    pub fn connected(mut self) -> Self {
        self.connect(5432);
        self.open_link();
        self.load_schema(Arc::default());
        self
    }

    /// Answers the load of the active tab's schema cache well.
    pub fn load_schema(&mut self, catalog: Arc<catalog::Catalog>) -> Vec<Effect> {
        let connection = self.connection();
        let schema::Schema::Loading { request, .. } = self.model.schemas[&connection] else {
            panic!("no schema is being loaded");
        };
        let result = Ok(catalog);
        self.send(schema::Msg::Loaded { request, connection, result })
    }

    /// Feeds a message.
    pub fn send(&mut self, msg: impl Into<Msg>) -> Vec<Effect> {
        self.at.mono_us += 1_000;
        self.at.unix_us += 1_000;
        update(&mut self.model, self.at, msg.into())
    }

    /// Lets time pass; the next message comes so much later.
    pub fn pass_ms(&mut self, ms: u64) {
        self.at.mono_us += ms * 1_000;
        self.at.unix_us += ms as i64 * 1_000;
        self.model.cx.now = self.at;
    }

    /// What a feature asks for where it is called by itself.
    pub fn asked(&mut self, call: impl FnOnce(&mut Model)) -> Vec<Effect> {
        call(&mut self.model);
        crate::update::settle(&mut self.model);
        self.model.cx.take_asked()
    }

    /// The active tab uses a connection that is known.
    pub fn choose(&mut self, connection: ConnectionId) -> Vec<Effect> {
        self.asked(|model| crate::update::shell::tabs::connect(model, connection))
    }

    /// Asks for a command.
    pub fn command(&mut self, command: Command) -> Vec<Effect> {
        self.send(command)
    }

    /// Presses a key without a window.
    pub fn press(&mut self, keystroke: &str) -> Vec<Effect> {
        let keystroke = keystroke.into();
        self.send(keys::Msg::Pressed { keystroke })
    }

    /// Types without a window.
    pub fn type_text(&mut self, text: &str) -> Vec<Effect> {
        let text = text.into();
        self.send(keys::Msg::Typed { text })
    }

    /// Types a password without a window.
    pub fn type_secret(&mut self, secret: &str) -> Vec<Effect> {
        let secret = Secret::new(secret);
        self.send(keys::Msg::SecretTyped { secret })
    }

    /// Asks for a connection to a port.
    pub fn connect(&mut self, port: u16) -> Vec<Effect> {
        self.connect_with(port, None)
    }

    /// Asks for a connection to a port, with a password or without.
    pub fn connect_with(&mut self, port: u16, password: Option<&str>) -> Vec<Effect> {
        let conninfo = Conninfo {
            config: config(port),
            secrets: Secrets::with_password(password.map(Secret::new)),
        };
        let target = Box::new(welcome::Target::Conninfo(conninfo));
        self.send(welcome::Msg::Asked { target })
    }

    /// Another Tusk saves the active tab's connection with a change.
    pub fn change_config(&mut self, change: impl FnOnce(&mut Config)) -> Vec<Effect> {
        let id = self.connection();
        let known = &self.model.connections[&id];
        let (mut config, last_used_us) = (known.config.clone(), known.last_used_us);
        change(&mut config);
        let changed = vec![keeping::SavedConnection { id, config, last_used_us }];
        self.send(keeping::Msg::ConnectionsChanged { changed, deleted: vec![] })
    }

    /// The newest look for servers finds none, and this environment.
    pub fn find(&mut self, environment: Environment) -> Vec<Effect> {
        let (request, servers) = (self.model.welcome.servers_of, vec![]);
        self.send(discovery::Msg::ServersFound { request, servers, environment })
    }

    /// The attempt of the active tab's connection.
    pub fn attempt(&self) -> Request {
        match self.link() {
            crate::update::connection::Link::Opening { attempt, .. } => *attempt,
            other => panic!("no attempt is under way: {other:?}"),
        }
    }

    /// The link of the active tab's connection.
    pub fn link(&self) -> &crate::update::connection::Link {
        &self.model.connections[&self.connection()].link
    }

    /// The active tab's connection.
    pub fn connection(&self) -> ConnectionId {
        self.tab().connection.unwrap()
    }

    /// Answers the attempt of the active tab's connection well.
    pub fn open_link(&mut self) -> Vec<Effect> {
        let (connection, attempt) = (self.connection(), self.attempt());
        let server = connection::ServerInfo::default();
        self.send(connection::Msg::Opened { connection, attempt, server })
    }

    /// Answers the attempt of the active tab's connection with a failure.
    pub fn fail_link(&mut self, failure: Failure) -> Vec<Effect> {
        let (connection, attempt) = (self.connection(), self.attempt());
        self.send(connection::Msg::OpenFailed { connection, attempt, failure })
    }

    /// The active tab.
    pub fn tab(&self) -> &Page {
        self.model.pages.active().unwrap()
    }

    /// The active tab's session that stands.
    pub fn live(&self) -> &Live {
        match &self.tab().session {
            Session::Live(live) => live,
            other => panic!("no session stands: {other:?}"),
        }
    }

    /// The session that the active tab opens or has.
    pub fn session(&self) -> SessionId {
        match &self.tab().session {
            Session::Opening { id, .. } => *id,
            Session::Live(live) => live.id,
            other => panic!("there is no session: {other:?}"),
        }
    }

    /// Answers the session of the active tab well.
    pub fn open_session(&mut self) -> Vec<Effect> {
        let session = self.session();
        self.send(session::Msg::Opened { session, backend_pid: 42 })
    }

    /// The statement that runs in the active tab.
    pub fn query(&self) -> QueryId {
        match &self.tab().run {
            Run::Running(running) => running.query,
            other => panic!("nothing runs: {other:?}"),
        }
    }

    /// Puts text into the active tab, the cursor at its end.
    pub fn text(&mut self, text: &str) -> Vec<Effect> {
        let tab = self.model.pages.active;
        self.asked(|model| {
            crate::update::query::editor::replace_all(&mut model.pages, &mut model.cx, tab, text)
        })
    }

    /// Runs everything in the active tab, with a session, and answers with the effects of the first statement.
    pub fn run(&mut self, text: &str) -> Vec<Effect> {
        self.text(text);
        let effects = self.command(Command::QueryRunAll);
        match self.tab().session {
            Session::Opening { .. } => self.open_session(),
            _ => effects,
        }
    }

    /// The server describes one column of text.
    pub fn describe(&mut self) -> Vec<Effect> {
        let query = self.query();
        let columns = vec![Column::new("a", 25, -1)];
        self.send(query::Msg::Described { query, columns })
    }

    /// Rows arrive.
    pub fn rows(&mut self, rows: usize) -> Vec<Effect> {
        let query = self.query();
        let chunk = chunk(rows, 1);
        self.send(query::Msg::RowsArrived { query, chunk })
    }

    /// The reader stands still.
    pub fn stall(&mut self) -> Vec<Effect> {
        let query = self.query();
        let (rows, _) = self.tab().results.of_query(query);
        self.send(query::Msg::Stalled { query, rows })
    }

    /// What runs completes.
    pub fn finish(&mut self, tag: &str, transaction: Transaction) -> Vec<Effect> {
        let query = self.query();
        self.send(query::Msg::Finished {
            query,
            tag: tag.into(),
            transaction,
            discarded: 0,
            elapsed_us: 5,
        })
    }

    /// What runs fails.
    pub fn fail(&mut self, failure: Failure, transaction: Transaction) -> Vec<Effect> {
        let query = self.query();
        self.send(query::Msg::Failed {
            query,
            failure: Box::new(failure),
            transaction,
            elapsed_us: 5,
        })
    }

    /// A plain query of the active tab, described, with rows to its first window, and paused.
    pub fn paused(mut self) -> Self {
        self.run("select 1");
        self.describe();
        for _ in 0..24 {
            self.rows(4_096);
        }
        self.rows(1_696);
        self.stall();
        assert!(matches!(
            self.tab().run,
            Run::Running(crate::update::query::run::Running {
                phase: crate::update::query::run::Phase::Paused { .. },
                ..
            })
        ));
        self
    }

    /// Whether a story would wait, once the store has written everything.
    pub fn is_busy(&mut self) -> bool {
        for request in self.model.writes.clone() {
            self.send(keeping::Msg::Wrote { request });
        }
        self.model.is_busy()
    }

    /// The newest notice.
    pub fn notice(&self) -> &str {
        self.model.cx.notices.iter().last().map_or("", |notice| notice.text.as_str())
    }

    /// The texts of the active tab's messages.
    pub fn messages(&self) -> Vec<String> {
        let messages = self.tab().messages.iter();
        messages.map(|message| message.shown()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::{keeping::Effect::SaveLayout, window::Effect::Quit};

    fn effects() -> Vec<Effect> {
        let (request, tabs) = (Request(1), vec![]);
        vec![SaveLayout { request, tabs }.into(), Quit.into()]
    }

    #[test]
    fn what_the_patterns_bind_can_be_used() {
        expect!(effects(), [Store(SaveLayout { request, .. }), Window(Quit)]);
        assert_eq!(*request, Request(1));
        expect!(&effects()[..1], [Store(SaveLayout { request, .. })] if *request == Request(1));
        expect!([], []);
    }

    #[test]
    #[should_panic(expected = "1: Window(WriteClipboard { .. }) IS NOT LIKE the effect there\n")]
    fn another_effect_than_the_expected_one_fails() {
        expect!(effects(), [Store(SaveLayout { .. }), Window(WriteClipboard { .. })]);
    }

    #[test]
    #[should_panic(expected = "0: Store(SaveLayout { request: Request(2), .. }) IS NOT LIKE")]
    fn an_effect_that_carries_something_else_fails() {
        expect!(effects(), [Store(SaveLayout { request: Request(2), .. }), Window(Quit)]);
    }

    #[test]
    #[should_panic(expected = "of [")]
    fn a_condition_that_does_not_hold_fails() {
        expect!(effects(), [Store(SaveLayout { request, .. }), Window(Quit)] if request.0 == 2);
    }

    #[test]
    #[should_panic(expected = "1: Window(Quit) IS MISSING\n")]
    fn a_missing_effect_fails() {
        expect!(&effects()[..1], [Store(SaveLayout { .. }), Window(Quit)]);
    }

    #[test]
    #[should_panic(expected = "1: an effect IS LEFT OVER\n")]
    fn an_effect_that_is_left_over_fails() {
        expect!(effects(), [Store(SaveLayout { .. })]);
    }

    #[test]
    fn effects_like_a_pattern_are_counted() {
        assert_eq!(count!(effects(), Window(Quit)), 1);
        assert_eq!(count!(effects(), Store(SaveLayout { request: Request(2), .. })), 0);
    }
}
