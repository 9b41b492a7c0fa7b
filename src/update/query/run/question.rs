//! A script that stands at an error, and the question whether it goes on.

use super::{Confirm, Dialog, OnError, Run, ending, pump};
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

/// Asks whether the active tab's script goes on, where it stands at an error and nothing else is asked. Called after
/// each message, because the question may have to wait for another one.
pub fn ask_about_error(pages: &mut Pages, dialog: &mut Option<Dialog>) {
    if let Some(Dialog::Confirm(Confirm::GoOn { tab, .. })) = dialog {
        let tab = *tab;
        let asks = pages
            .get_mut(tab)
            .is_some_and(|tab| matches!(&tab.run, Run::Waiting { script, .. } if script.asks));
        if !asks {
            // Its session or its tab has gone meanwhile.
            *dialog = None;
        }
    }
    if dialog.is_some() {
        return;
    }
    let Some(tab) = pages.active() else {
        return;
    };
    let Run::Waiting { script, .. } = &tab.run else {
        return;
    };
    if !script.asks {
        return;
    }
    let message = tab.failure().map(|failure| failure.message.clone());
    let left = script.statements.len().saturating_sub(script.next);
    *dialog = Some(Dialog::Confirm(Confirm::GoOn {
        tab: tab.id,
        message: message.unwrap_or_default(),
        left,
    }));
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
