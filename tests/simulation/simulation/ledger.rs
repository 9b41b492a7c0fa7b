//! What happened, in the observer's own books: what users asked for, what was sent, what was told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tusk::update::query::page::Page;
use tusk::update::shell::place::Place;

use tusk::{
    base::{ids::*, transaction::Transaction},
    effect::Effect,
    failure::Failure,
    model::Model,
    msg::Msg,
    settings::OnError,
    update::{
        connection::{self, PoolStatus},
        query::{
            self,
            read_only::Seal,
            run::{self, Run, Running, Script},
            session,
        },
        results::ResultState,
        shell::{
            command::Command,
            dialog::{self, Confirm, Dialog},
            keys, palette,
        },
    },
};

/// A statement that a user asked for.
struct Asked {
    /// Held, so that its place in memory stands for it and for no other.
    sql: Arc<str>,
    script: u64,
    place: usize,
    sent: Option<QueryId>,
}

/// What is told of a statement that follows one which did not end well.
pub const NOT_SENT: &str = "It was not sent.";

/// How a query ended, as it was told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Finished { tag: String },
    Failed { failure: Failure },
    Lost,
    NotSent,
}

/// A query that was sent.
pub struct Sent {
    pub session: SessionId,
    pub told: Option<Told>,
    /// Whether its session was let go, or known to be lost, before its end was told.
    pub given_up: bool,
    /// Whether it was given to the session before the one before it had ended.
    pub follows: bool,
    /// Whether it was seen to run in a tab.
    pub ran: bool,
    /// What was shown as its end; it stays so.
    pub shown: Option<ResultState>,
}

#[derive(Default)]
pub struct Ledger {
    asked: BTreeMap<usize, Asked>,
    scripts: u64,
    pub queries: BTreeMap<QueryId, Sent>,
    /// The transaction status that each session was told last.
    pub transactions: BTreeMap<SessionId, Transaction>,
    /// The figures that each pool told last, since it stands.
    pub pools: BTreeMap<ConnectionId, PoolStatus>,
    /// Pools that are being closed; what they still tell is of no more interest.
    closing: BTreeMap<ConnectionId, u32>,
    /// Servers that do not answer the watchdog, by the last word of it.
    pub silent: BTreeSet<ConnectionId>,
    /// The session of the tab on screen, where a value of a sequence was taken in it.
    pub on_screen: Option<SessionId>,
    /// Results of statements that Tusk refused by itself on a read-only connection, and so never sent.
    pub refused: BTreeMap<QueryId, ResultState>,
}

fn place_of(sql: &Arc<str>) -> usize {
    Arc::as_ptr(sql).cast::<u8>().addr()
}

fn scripts(model: &Model) -> impl Iterator<Item = (TabId, &Script)> {
    model.pages.open.iter().flat_map(|tab| {
        let running = match &tab.run {
            Run::Idle => None,
            Run::Waiting { script, .. } => Some(script),
            Run::Running(running) => Some(&running.script),
        };
        let queued = tab.queued.as_ref();
        running.into_iter().chain(queued).map(|script| (tab.id, script))
    })
}

/// Whether a user's message asks to run something, in the state that it meets.
pub fn asks_to_run(model: &Model, msg: &Msg) -> bool {
    let runs = |command: Command| {
        matches!(
            command,
            Command::QueryRun
                | Command::QueryRunAll
                | Command::QueryRunAllStop
                | Command::QueryRunAllContinue
                | Command::QueryRunAllAsk
                | Command::TransactionBegin
                | Command::TransactionCommit
                | Command::TransactionRollback
        )
    };
    // The palette offers all commands; one that is chosen there is asked for.
    let chosen = || match &model.dialog {
        Some(Dialog::Palette(picker)) => {
            palette::matches(&picker.field.string()).iter().any(|found| runs(found.command))
        }
        _ => false,
    };
    // Whoever leaves an open transaction may have it committed first.
    let commits = |command: Command| {
        let leaves = matches!(&model.dialog, Some(Dialog::Confirm(Confirm::Leave { .. })));
        leaves && command == Command::DialogAlternative
    };
    let asks = |command: Command| {
        runs(command) || commits(command) || command == Command::DialogAccept && chosen()
    };
    match msg {
        Msg::Command(command) => asks(*command),
        Msg::Keys(keys::Msg::Pressed { keystroke }) => {
            model.keymap.command(Place::of(model).contexts(), keystroke).is_some_and(asks)
        }
        Msg::Dialog(dialog::Msg::RowClicked { .. }) => chosen(),
        _ => false,
    }
}

fn running(model: &Model, query: QueryId) -> Option<(&Page, &Running)> {
    model.pages.open.iter().find_map(|tab| match &tab.run {
        Run::Running(running) if running.query == query => Some((tab, running)),
        _ => None,
    })
}

/// The tab whose session was given a statement while another one runs.
fn given_in(model: &Model, query: QueryId) -> Option<(&Page, &Running)> {
    model.pages.open.iter().find_map(|tab| match &tab.run {
        Run::Running(running) if running.script.ahead.queries.contains(&query) => {
            Some((tab, running))
        }
        _ => None,
    })
}

/// Whether the script of a query was told to go on after errors, or the user is asked at each.
fn goes_on(model: &Model, query: QueryId) -> bool {
    running(model, query).is_some_and(|(_, running)| running.script.on_error != OnError::Stop)
}

fn runs_read_only(model: &Model, query: QueryId) -> bool {
    running(model, query).is_some_and(|(tab, _)| run::is_read_only(&model.connections, tab))
}

/// The statement that the user wrote, whatever is sent in its place.
fn written(model: &Model, query: QueryId) -> Arc<str> {
    let (_, running) = running(model, query).expect("what is sent runs in a tab");
    running.planned.sql.clone()
}

/// A read-only connection gets the user's text as it is written, and sealed; only for what begins or ends a
/// transaction it gets words of Tusk's own, which never commit.
fn sealed_as_it_must_be(written: &Arc<str>, sql: &Arc<str>, seal: &Seal) {
    let right = match seal {
        Seal::Whole { .. } | Seal::Inside { .. } => Arc::ptr_eq(written, sql),
        Seal::Begins { .. } => sql.starts_with("begin") && sql.ends_with("read only"),
        Seal::Savepoint => ["begin", "savepoint", "release", "rollback to"]
            .iter()
            .any(|word| sql.starts_with(word)),
        Seal::Ends { .. } => &**sql == "rollback",
    };
    assert!(right, "{written} is sent as {sql}, sealed as {seal:?}");
}

impl Ledger {
    /// Notes what a user asked for with a message: scripts that were not there before it.
    pub fn ask(&mut self, model: &Model, asks: bool, before: TabId) {
        for (tab, script) in scripts(model) {
            let new = script
                .statements
                .iter()
                .any(|planned| !self.asked.contains_key(&place_of(&planned.sql)));
            if !new {
                continue;
            }
            let sql = &script.statements[0].sql;
            assert!(asks, "a statement is to be run that nobody asked for: {sql}");
            let is_commit = &**sql == "commit" && model.leaving.is_some();
            assert!(
                tab == before || tab == model.pages.active || is_commit,
                "a statement is to be run in a tab that nobody asked in: {sql}"
            );
            let open = model.pages.open.iter().find(|open| open.id == tab);
            let text = open.map(|tab| tab.editor.buffer.string()).unwrap_or_default();
            self.scripts += 1;
            for (place, planned) in script.statements.iter().enumerate() {
                let sql = &planned.sql;
                let written = text.contains(&**sql)
                    || planned.start.is_none() && matches!(&**sql, "begin" | "commit" | "rollback");
                assert!(written, "a statement is not as it was written: {sql}");
                let asked = Asked { sql: Arc::clone(sql), script: self.scripts, place, sent: None };
                self.asked.insert(place_of(sql), asked);
            }
        }
    }

    /// Notes an effect that is about to be done.
    pub fn effect(&mut self, effect: &Effect, model: &Model) {
        match effect {
            Effect::Query(query::Effect::Run { query, session, sql, follows: Some(_), .. }) => {
                let (tab, running) =
                    given_in(model, *query).expect("what follows is known in a tab");
                assert!(
                    !run::is_read_only(&model.connections, tab),
                    "a statement follows another one on a read-only connection: {sql}"
                );
                let goes_on = running.script.on_error != OnError::Stop;
                self.send(*query, *session, sql, goes_on, true);
            }
            Effect::Query(query::Effect::Run { query, session, sql, .. }) => {
                assert!(
                    !runs_read_only(model, *query),
                    "a statement goes unsealed to a read-only connection: {sql}"
                );
                self.send(*query, *session, sql, goes_on(model, *query), false);
            }
            Effect::Query(query::Effect::RunReadOnly { query, session, sql, seal, .. }) => {
                assert!(
                    runs_read_only(model, *query),
                    "a statement is sealed on a connection that is not read-only: {sql}"
                );
                let written = written(model, *query);
                sealed_as_it_must_be(&written, sql, seal);
                self.send(*query, *session, &written, goes_on(model, *query), false);
            }
            Effect::Connection(connection::Effect::Close { connection }) => {
                self.pools.remove(connection);
                self.silent.remove(connection);
                *self.closing.entry(*connection).or_default() += 1;
            }
            Effect::Session(session::Effect::End { session, .. }) => self.give_up(*session),
            _ => {}
        }
    }

    fn send(
        &mut self,
        query: QueryId,
        session: SessionId,
        sql: &Arc<str>,
        goes_on: bool,
        follows: bool,
    ) {
        let place = place_of(sql);
        let (script, number) = match self.asked.get(&place) {
            Some(asked) => (asked.script, asked.place),
            None => panic!("a statement was sent unasked: {sql}"),
        };
        for before in
            self.asked.values().filter(|asked| asked.script == script && asked.place < number)
        {
            let told = before.sent.and_then(|query| self.queries[&query].told.as_ref());
            // What follows is sent when they have ended well: the session sees to that.
            let under_way = follows && told.is_none() && before.sent.is_some();
            // One that goes on after errors has statements that failed, and some that were refused and not sent.
            let failed = matches!(told, None | Some(Told::Failed { .. }));
            assert!(
                matches!(told, Some(Told::Finished { .. })) || under_way || goes_on && failed,
                "a script went on although a statement before did not end well: {}",
                before.sql
            );
        }
        let asked = self.asked.get_mut(&place).expect("it was found above");
        let sent = asked.sent.as_ref().map(|query| &self.queries[query].told);
        // A script may go on before it is told that a statement which it had given to the session was not sent.
        let not_sent = |told: &Option<Told>| matches!(told, None | Some(Told::NotSent));
        let before = asked.sent.filter(|query| self.queries[query].follows);
        assert!(
            sent.is_none() || before.is_some() && sent.is_none_or(not_sent),
            "a statement was sent twice: {}",
            asked.sql
        );
        asked.sent = Some(query);
        self.queries.insert(
            query,
            Sent { session, told: None, given_up: false, follows, ran: false, shown: None },
        );
    }

    fn give_up(&mut self, session: SessionId) {
        for sent in self.queries.values_mut() {
            if sent.session == session && sent.told.is_none() {
                sent.given_up = true;
            }
        }
    }

    /// Notes a message of the runner that is about to be taken in.
    pub fn told(&mut self, msg: &Msg) {
        match msg {
            Msg::Query(query::Msg::Finished { query, tag, transaction, .. }) => {
                let tag = tag.clone();
                self.end(*query, Told::Finished { tag }, Some(*transaction));
            }
            Msg::Query(query::Msg::Failed { query, failure, .. })
                if failure.message == NOT_SENT =>
            {
                self.end(*query, Told::NotSent, None);
            }
            Msg::Query(query::Msg::Failed { query, failure, transaction, .. }) => {
                let failure = (**failure).clone();
                self.end(*query, Told::Failed { failure }, Some(*transaction));
            }
            Msg::Query(query::Msg::Lost { query, .. }) => self.end(*query, Told::Lost, None),
            Msg::Session(session::Msg::Lost { session, .. }) => self.give_up(*session),
            Msg::Session(session::Msg::Opened { session, .. }) => {
                self.transactions.insert(*session, Transaction::Idle);
            }
            Msg::Connection(connection::Msg::PoolChanged { connection, status })
                if !self.closing.contains_key(connection) =>
            {
                self.pools.insert(*connection, *status);
            }
            Msg::Connection(connection::Msg::Closed { connection }) => {
                let closing = self.closing.entry(*connection).or_default();
                *closing = closing.saturating_sub(1);
                if *closing == 0 {
                    self.closing.remove(connection);
                }
            }
            Msg::Connection(connection::Msg::NotAnswering { connection, .. }) => {
                self.silent.insert(*connection);
            }
            Msg::Connection(connection::Msg::Answering { connection }) => {
                self.silent.remove(connection);
            }
            _ => {}
        }
    }

    fn end(&mut self, query: QueryId, told: Told, transaction: Option<Transaction>) {
        let sent = self.queries.get_mut(&query).expect("it was sent");
        sent.told = Some(told);
        if let Some(transaction) = transaction {
            self.transactions.insert(sent.session, transaction);
        }
    }
}
