//! No secret of a statement comes back: the server repeats it in its messages without the words that told it from the
//! rest, so it is masked there by its value.
//!
//! This is the one point that everything passes which a server says of what a tab runs. The rows are the user's own data
//! and are shown as they are.

use crate::{
    failure::Failure,
    rows::Column,
    sql::safety::mask::Values,
    update::{
        query::page::{Page, Pages},
        query::{
            self,
            run::{self, Planned},
            session,
        },
    },
};

/// A statement is about to be sent: its secrets are known from here on.
pub(super) fn learn(tab: &mut Page, planned: &Planned) {
    tab.secrets.learn(&planned.sql);
}

/// What the runner reports of a statement, without the secrets of what was run in its tab.
pub(super) fn of_query(pages: &mut Pages, mut msg: query::Msg) -> query::Msg {
    let query = query_of(&msg);
    if let Some(tab) = run::running_tab(pages, query) {
        hide_in_query(&tab.secrets, &mut msg);
    }
    msg
}

/// What the runner reports of a session, without the secrets of what was run in its tab.
pub(super) fn of_session(pages: &mut Pages, mut msg: session::Msg) -> session::Msg {
    let session = session_of(&msg);
    if let Some(tab) = super::sessions::tab_of(pages, session) {
        hide_in_session(&tab.secrets, &mut msg);
    }
    msg
}

/// Masks secrets in what the runner reports of a statement. Rows stay as they are.
pub fn hide_in_query(secrets: &Values, msg: &mut query::Msg) {
    if secrets.is_empty() {
        return;
    }
    match msg {
        query::Msg::Described { columns, .. } => {
            for Column { name, .. } in columns {
                hide(secrets, name);
            }
        }
        query::Msg::Finished { tag, .. } => hide(secrets, tag),
        query::Msg::Failed { failure, .. }
        | query::Msg::Lost { failure, .. }
        | query::Msg::CancelFailed { failure, .. } => hide_in_failure(secrets, failure),
        query::Msg::RowsArrived { .. }
        | query::Msg::Stalled { .. }
        | query::Msg::GrantLapsed { .. }
        | query::Msg::Inspected { .. }
        | query::Msg::EncodingChanged { .. }
        | query::Msg::HeldUp { .. }
        | query::Msg::CancelSent { .. } => {}
    }
}

/// Masks secrets in what the runner reports of a session.
pub fn hide_in_session(secrets: &Values, msg: &mut session::Msg) {
    if secrets.is_empty() {
        return;
    }
    match msg {
        session::Msg::OpenFailed { failure, .. } | session::Msg::Lost { failure, .. } => {
            hide_in_failure(secrets, failure);
        }
        session::Msg::HeldAnswered { held, .. } => match held {
            Ok(held) => held.iter_mut().for_each(|held| hide(secrets, held)),
            Err(failure) => hide_in_failure(secrets, failure),
        },
        session::Msg::Noticed { notice, .. } => hide_in_failure(secrets, notice),
        session::Msg::Notified { channel, payload, .. } => {
            hide(secrets, channel);
            hide(secrets, payload);
        }
        session::Msg::TerminateAnswered { result, .. } => {
            if let Err(failure) = result {
                hide_in_failure(secrets, failure);
            }
        }
        session::Msg::Opened { .. }
        | session::Msg::Ended { .. }
        | session::Msg::BackslashReported { .. } => {}
    }
}

fn hide_in_failure(secrets: &Values, failure: &mut Failure) {
    hide(secrets, &mut failure.message);
    let parts = [
        &mut failure.detail,
        &mut failure.hint,
        &mut failure.context,
        &mut failure.schema,
        &mut failure.table,
        &mut failure.column,
        &mut failure.data_type,
        &mut failure.constraint,
        &mut failure.next_step,
    ];
    for part in parts.into_iter().flatten() {
        hide(secrets, part);
    }
    if let Some((_, statement)) = &mut failure.internal {
        hide(secrets, statement);
    }
}

/// Masks secrets in a text.
pub fn hide(secrets: &Values, text: &mut String) {
    if let std::borrow::Cow::Owned(masked) = secrets.mask(text) {
        *text = masked;
    }
}

fn query_of(msg: &query::Msg) -> crate::base::ids::QueryId {
    match msg {
        query::Msg::Described { query, .. }
        | query::Msg::RowsArrived { query, .. }
        | query::Msg::Stalled { query, .. }
        | query::Msg::GrantLapsed { query, .. }
        | query::Msg::Inspected { query, .. }
        | query::Msg::EncodingChanged { query, .. }
        | query::Msg::HeldUp { query, .. }
        | query::Msg::Finished { query, .. }
        | query::Msg::Failed { query, .. }
        | query::Msg::Lost { query, .. }
        | query::Msg::CancelSent { query }
        | query::Msg::CancelFailed { query, .. } => *query,
    }
}

fn session_of(msg: &session::Msg) -> crate::base::ids::SessionId {
    match msg {
        session::Msg::Opened { session, .. }
        | session::Msg::OpenFailed { session, .. }
        | session::Msg::Ended { session }
        | session::Msg::HeldAnswered { session, .. }
        | session::Msg::Lost { session, .. }
        | session::Msg::Noticed { session, .. }
        | session::Msg::BackslashReported { session, .. }
        | session::Msg::Notified { session, .. }
        | session::Msg::TerminateAnswered { session, .. } => *session,
    }
}
