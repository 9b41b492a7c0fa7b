//! What was asked for and not answered yet: each effect ends in exactly one message.

use std::collections::BTreeMap;

use tusk::{
    base::{ids::*, secret::SecretKind},
    effect::Effect,
    msg::Msg,
    update::{
        clock,
        connection::{self, discovery, keychain, sandbox},
        files, jobs, keeping,
        query::{self, session},
        results, schema,
        settings::file,
        window,
    },
};

/// What an effect and its answer have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Connect(Request),
    Test(Request),
    Close(ConnectionId),
    Types(Request),
    HostKey(Request),
    Schema(Request),
    Open(SessionId),
    End(SessionId),
    AskHeld(SessionId),
    Terminate(SessionId),
    Run(QueryId),
    Cancel(QueryId),
    Cells(Request),
    Store(Request),
    Keychain(Request, SecretKind),
    File(Request),
    Timer(Request),
    Discovery(Request),
    Sandbox(Request),
    Job(Request),
    Window(Request),
    /// Ends with the program, or when another watch begins.
    Watch(Request),
    Settings(Request),
}

/// The answer that an effect will have; none for words that have none of their own.
pub fn asked(effect: &Effect) -> Option<Key> {
    Some(match effect {
        Effect::Connection(effect) => match effect {
            connection::Effect::Open { attempt, .. }
            | connection::Effect::Prove { attempt, .. } => Key::Connect(*attempt),
            connection::Effect::Test { attempt, .. } => Key::Test(*attempt),
            connection::Effect::Close { connection } => Key::Close(*connection),
            connection::Effect::ResolveTypes { request, .. } => Key::Types(*request),
            connection::Effect::TrustHostKey { request, .. } => Key::HostKey(*request),
            connection::Effect::Abandon { .. } => return None,
        },
        Effect::Session(effect) => match effect {
            session::Effect::Open { session, .. } => Key::Open(*session),
            session::Effect::End { session, .. } => Key::End(*session),
            session::Effect::AskHeld { session } => Key::AskHeld(*session),
            session::Effect::Terminate { session } => Key::Terminate(*session),
            session::Effect::Abandon { .. } => return None,
        },
        Effect::Query(effect) => match effect {
            query::Effect::Run { query, .. } | query::Effect::RunReadOnly { query, .. } => {
                Key::Run(*query)
            }
            query::Effect::Cancel { query, .. } => Key::Cancel(*query),
            query::Effect::TakeBack { .. }
            | query::Effect::GrantRows { .. }
            | query::Effect::DiscardRows { .. } => return None,
        },
        Effect::Job(jobs::Effect::RunFile { job, .. }) => Key::Job(*job),
        Effect::Job(jobs::Effect::Cancel { .. }) => return None,
        Effect::Cells(
            results::contract::Effect::Copy { request, .. }
            | results::contract::Effect::Summarize { request, .. }
            | results::contract::Effect::Drop { request, .. },
        ) => Key::Cells(*request),
        Effect::Store(effect) => match effect {
            keeping::Effect::Load { request }
            | keeping::Effect::SearchHistory { request, .. }
            | keeping::Effect::UseDirectory { request, .. } => Key::Store(*request),
            effect => Key::Store(effect.write_request()?),
        },
        Effect::Keychain(
            keychain::Effect::Read { request, kind, .. }
            | keychain::Effect::Store { request, kind, .. }
            | keychain::Effect::Delete { request, kind, .. },
        ) => Key::Keychain(*request, *kind),
        Effect::File(
            files::Effect::Open { request, .. }
            | files::Effect::Save { request, .. }
            | files::Effect::Check { request, .. }
            | files::Effect::List { request, .. },
        ) => Key::File(*request),
        Effect::Clock(clock::Effect::Start { timer, .. }) => Key::Timer(*timer),
        Effect::Clock(clock::Effect::Stop { .. }) => return None,
        Effect::Discovery(discovery::Effect::FindServers { request }) => Key::Discovery(*request),
        Effect::Sandbox(sandbox::Effect::Start { request, .. }) => Key::Sandbox(*request),
        Effect::Schema(schema::Effect::Load { request, .. }) => Key::Schema(*request),
        Effect::SettingsFile(file::Effect::Watch { request, .. }) => Key::Watch(*request),
        Effect::SettingsFile(
            file::Effect::Write { request, .. } | file::Effect::ConfigureLog { request, .. },
        ) => Key::Settings(*request),
        Effect::Window(window::Effect::WriteClipboard { request, .. }) => Key::Window(*request),
        Effect::Window(window::Effect::Quit) => return None,
    })
}

/// The effect that a message ends; none for one that ends nothing.
pub fn answered(msg: &Msg) -> Option<Key> {
    Some(match msg {
        Msg::Connection(msg) => match msg {
            connection::Msg::Opened { attempt, .. }
            | connection::Msg::OpenFailed { attempt, .. } => Key::Connect(*attempt),
            connection::Msg::Tested { attempt, .. } => Key::Test(*attempt),
            connection::Msg::Closed { connection } => Key::Close(*connection),
            connection::Msg::TypesResolved { request, .. } => Key::Types(*request),
            connection::Msg::HostKeyTrusted { request, .. } => Key::HostKey(*request),
            connection::Msg::PoolChanged { .. }
            | connection::Msg::LinkLost { .. }
            | connection::Msg::NotAnswering { .. }
            | connection::Msg::Answering { .. } => return None,
        },
        Msg::Session(msg) => match msg {
            session::Msg::Opened { session, .. } | session::Msg::OpenFailed { session, .. } => {
                Key::Open(*session)
            }
            session::Msg::Ended { session } => Key::End(*session),
            session::Msg::HeldAnswered { session, .. } => Key::AskHeld(*session),
            session::Msg::TerminateAnswered { session, .. } => Key::Terminate(*session),
            session::Msg::Lost { .. }
            | session::Msg::Noticed { .. }
            | session::Msg::BackslashReported { .. }
            | session::Msg::Notified { .. } => return None,
        },
        Msg::Query(msg) => match msg {
            query::Msg::Finished { query, .. }
            | query::Msg::Failed { query, .. }
            | query::Msg::Lost { query, .. } => Key::Run(*query),
            query::Msg::CancelSent { query } | query::Msg::CancelFailed { query, .. } => {
                Key::Cancel(*query)
            }
            query::Msg::Described { .. }
            | query::Msg::RowsArrived { .. }
            | query::Msg::Stalled { .. }
            | query::Msg::GrantLapsed { .. }
            | query::Msg::Inspected { .. }
            | query::Msg::EncodingChanged { .. }
            | query::Msg::HeldUp { .. } => return None,
        },
        Msg::Job(jobs::Msg::Ended { job, .. }) => Key::Job(*job),
        Msg::Job(jobs::Msg::Went { .. } | jobs::Msg::Troubled { .. } | jobs::Msg::Noted { .. }) => {
            return None;
        }
        Msg::Cells(
            results::contract::Msg::Copied { request, .. }
            | results::contract::Msg::Summarized { request, .. }
            | results::contract::Msg::Dropped { request },
        ) => Key::Cells(*request),
        Msg::Store(
            keeping::Msg::Loaded { request, .. }
            | keeping::Msg::Wrote { request }
            | keeping::Msg::Failed { request, .. }
            | keeping::Msg::Held { request, .. }
            | keeping::Msg::DirectoryUsed { request, .. }
            | keeping::Msg::HistoryFound { request, .. },
        ) => Key::Store(*request),
        Msg::Store(
            keeping::Msg::CaughtUp
            | keeping::Msg::Reopened { .. }
            | keeping::Msg::ConnectionsChanged { .. },
        ) => return None,
        Msg::Schema(schema::Msg::Loaded { request, .. }) => Key::Schema(*request),
        Msg::SettingsFile(msg) => match msg {
            file::Msg::WatchEnded { request } => Key::Watch(*request),
            file::Msg::Written { request, .. } | file::Msg::LogConfigured { request, .. } => {
                Key::Settings(*request)
            }
            file::Msg::Read { .. } | file::Msg::Asked { .. } => return None,
        },
        Msg::Keychain(
            keychain::Msg::Read { request, kind, .. }
            | keychain::Msg::Stored { request, kind, .. }
            | keychain::Msg::Deleted { request, kind, .. },
        ) => Key::Keychain(*request, *kind),
        Msg::File(
            files::Msg::Opened { request, .. }
            | files::Msg::Saved { request, .. }
            | files::Msg::Checked { request, .. }
            | files::Msg::Listed { request, .. },
        ) => Key::File(*request),
        Msg::Clock(clock::Msg::Fired { timer } | clock::Msg::Stopped { timer }) => {
            Key::Timer(*timer)
        }
        Msg::Discovery(discovery::Msg::ServersFound { request, .. }) => Key::Discovery(*request),
        Msg::Sandbox(
            sandbox::Msg::Started { request, .. } | sandbox::Msg::Failed { request, .. },
        ) => Key::Sandbox(*request),
        Msg::Sandbox(sandbox::Msg::Progressed { .. }) => return None,
        Msg::Window(window::Msg::Done { request }) => Key::Window(*request),
        Msg::App(_)
        | Msg::Command(_)
        | Msg::Keys(_)
        | Msg::Editor { .. }
        | Msg::Grid { .. }
        | Msg::Tabs(_)
        | Msg::SettingsPage(_)
        | Msg::Welcome(_)
        | Msg::Sidebar(_)
        | Msg::Sight(_)
        | Msg::Dialog(_)
        | Msg::Find(_) => return None,
    })
}

#[derive(Default)]
pub struct Accounts {
    open: BTreeMap<Key, u32>,
    /// Every request that was ever made; none is made twice.
    used: std::collections::BTreeSet<Key>,
}

impl Accounts {
    pub fn ask(&mut self, effect: &Effect) {
        let Some(key) = asked(effect) else { return };
        let again = matches!(
            key,
            Key::Terminate(_) | Key::Cancel(_) | Key::AskHeld(_) | Key::Close(_) | Key::End(_)
        );
        assert!(self.used.insert(key) || again, "an effect was asked for twice: {key:?}");
        *self.open.entry(key).or_default() += 1;
    }

    pub fn answer(&mut self, msg: &Msg) {
        let Some(key) = answered(msg) else { return };
        let open = self.open.get_mut(&key);
        let open = open
            .unwrap_or_else(|| panic!("an effect was answered twice, or never asked for: {key:?}"));
        *open -= 1;
        if *open == 0 {
            self.open.remove(&key);
        }
    }

    pub fn waits_for(&self, key: Key) -> bool {
        self.open.contains_key(&key)
    }

    pub fn left(&self) -> impl Iterator<Item = &Key> {
        self.open.keys()
    }
}
