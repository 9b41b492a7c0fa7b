//! A script that stands at an error, and the question whether it goes on.

use super::{Confirm, Dialog, Model, OnError, Run, ending, pump};
use crate::base::ids::TabId;

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
pub fn ask_about_error(model: &mut Model) {
    if let Some(Dialog::Confirm(Confirm::GoOn { tab, .. })) = &model.dialog {
        let tab = *tab;
        let asks = model
            .tabs
            .get_mut(tab)
            .is_some_and(|tab| matches!(&tab.run, Run::Waiting { script, .. } if script.asks));
        if !asks {
            // Its session or its tab has gone meanwhile.
            model.dialog = None;
        }
    }
    if model.dialog.is_some() {
        return;
    }
    let Some(tab) = model.tabs.active() else {
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
    model.dialog = Some(Dialog::Confirm(Confirm::GoOn {
        tab: tab.id,
        message: message.unwrap_or_default(),
        left,
    }));
}

/// The user answered.
pub fn answer_error(model: &mut Model, id: TabId, answer: Answer) {
    let Some(tab) = model.tabs.get_mut(id) else {
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
            ending::run_ended(model, id, script, None);
            pump(model, id);
            return;
        }
        Answer::GoOn => {}
        Answer::GoOnToTheEnd => script.on_error = OnError::Continue,
    }
    pump(model, id)
}
