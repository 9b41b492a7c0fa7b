//! A script that stands at an error, and the question whether it goes on.

use super::{Dialog, OnError, Page, Run, ending, pump};
use crate::{
    base::ids::TabId,
    update::{connection::Connections, cx::Cx, query::history::History, query::page::Pages},
};

/// What the user says of a script that stands at an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The rest is not run.
    Stop,
    /// The next statement is run.
    GoOn,
    /// The rest is run whatever fails.
    GoOnToTheEnd,
}

/// The question whether the active page's script goes on, where it stands at an error.
pub fn question(pages: &Pages) -> Option<Dialog> {
    let page = pages.active()?;
    let Run::Waiting { script, .. } = &page.run else {
        return None;
    };
    if !script.asks {
        return None;
    }
    let message = page.failure().map(|failure| failure.message.clone()).unwrap_or_default();
    let left = script.statements.len().saturating_sub(script.next);
    Some(Dialog::GoOn { tab: page.id, message, left })
}

/// Whether a page's script still stands at an error: its session or its tab may have gone meanwhile.
pub fn still_asks(pages: &Pages, tab: TabId) -> bool {
    let asks = |page: &Page| matches!(&page.run, Run::Waiting { script, .. } if script.asks);
    pages.get(tab).is_some_and(asks)
}

/// The user answered.
pub fn answer_error(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    id: TabId,
    answer: Answer,
) {
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    let Run::Waiting { script, .. } = &mut tab.run else {
        return;
    };
    if !std::mem::take(&mut script.asks) {
        return;
    }
    match answer {
        Answer::Stop => {
            let script = script.clone();
            tab.queued = None;
            ending::run_ended(pages, cx, id, script, None);
            pump(pages, connections, history, cx, id);
            return;
        }
        Answer::GoOn => {}
        Answer::GoOnToTheEnd => script.on_error = OnError::Continue,
    }
    pump(pages, connections, history, cx, id)
}
