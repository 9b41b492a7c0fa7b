//! What is wrong on a page above any result: its session broke, or its connection never came.

use super::{
    messages::report_of,
    page::{Ended, Page, Pages},
    run::{LostSession, Run, Session},
};
use crate::{
    failure::Failure,
    update::{
        connection::{Connection, Connections, Dialog, Link},
        cx::Cx,
        results, window,
    },
};

/// Copies the selected cells; where there are no rows, the error that stands in their place.
pub fn copy(
    pages: &mut Pages,
    connections: &Connections,
    dialog: Option<&Dialog>,
    cx: &mut Cx,
    headers: bool,
) {
    let without_rows = pages
        .active()
        .and_then(|page| page.results.visible())
        .is_none_or(|result| result.rows.is_empty());
    if without_rows && shown_failure(pages, connections, dialog).is_some() {
        return copy_error(pages, connections, dialog, cx);
    }
    if let Some(page) = pages.active_mut() {
        results::copy(&mut page.results, cx, headers);
    }
}

/// Copies the error that is shown, with all its details.
pub fn copy_error(pages: &Pages, connections: &Connections, dialog: Option<&Dialog>, cx: &mut Cx) {
    match shown_failure(pages, connections, dialog).map(report_of) {
        Some(report) => window::write_clipboard(cx, report.into()),
        None => {
            let text = "There is no error here to copy.";
            cx.notify(text);
        }
    }
}

/// What is wrong with a page's connection or session, which stands above any result.
#[derive(Clone, Copy, Debug)]
pub enum Trouble<'a> {
    /// The session broke, and something went with it.
    Lost(&'a LostSession),
    /// There is no session, because the connection could not be opened, or the pool had none.
    NotConnected(&'a Connection, &'a Failure),
}

/// What is wrong with a page's connection or session.
pub fn trouble<'a>(
    connections: &'a Connections,
    dialog: Option<&Dialog>,
    page: &'a Page,
) -> Option<Trouble<'a>> {
    if let Session::Lost(lost) = &page.session
        && !lost.died.is_empty()
    {
        return Some(Trouble::Lost(lost));
    }
    let id = page.connection?;
    let known = connections.get(&id)?;
    // While a password is asked for, nothing has failed yet.
    if !matches!(page.run, Run::Idle) || dialog.is_some_and(|dialog| dialog.asks_password(id)) {
        return None;
    }
    match (&known.link, &page.ended) {
        (Link::Failed { failure }, _) => Some(Trouble::NotConnected(known, failure)),
        // A run that never got a session: nothing of it is in the list of results.
        (Link::Open { .. }, Some(Ended::Badly { failure })) if page.results.list.is_empty() => {
            Some(Trouble::NotConnected(known, failure))
        }
        _ => None,
    }
}

/// The failure that the active page shows.
pub fn shown_failure<'a>(
    pages: &'a Pages,
    connections: &'a Connections,
    dialog: Option<&Dialog>,
) -> Option<&'a Failure> {
    let page = pages.active()?;
    match trouble(connections, dialog, page) {
        Some(Trouble::Lost(lost)) => Some(&lost.failure),
        Some(Trouble::NotConnected(_, failure)) => Some(failure),
        None => page.results.visible()?.state.failure(),
    }
}
