//! A statement that changed the encoding of its session: what a person has to know, and rows that nobody can read.

use super::{Chunk, MessageKind, QueryId, Run, drop_rows, running_tab, say};
use crate::update::{cx::Cx, query::page::Pages};

use std::sync::Arc;

/// The statement changed `client_encoding`; its rows may have come in the one or the other.
pub(super) fn changed(
    pages: &mut Pages,
    cx: &mut Cx,
    query: QueryId,
    [from, to]: [&str; 2],
    is_understood: bool,
    escaped: Vec<Vec<Arc<Chunk>>>,
) {
    let now = cx.now;
    let Some(tab) = running_tab(pages, query) else {
        return;
    };
    // A read-only connection takes the change back with its statement.
    let sealed = matches!(&tab.run, Run::Running(running) if running.passage.is_some());
    if !escaped.is_empty() {
        let text = "client_encoding changed while this ran, and its rows came in the old encoding or in the new one: \
                    what is not ASCII is shown as its bytes (\\xNN). Run it again to read it.";
        say(tab, now, MessageKind::Warning, text.into(), Some(query));
    }
    let gone = tab.results.replace(query, escaped);
    let news = match to {
        _ if sealed || from == to => None,
        "UTF8" => Some("client_encoding is UTF8 now.".to_owned()),
        _ if is_understood => {
            Some(format!("client_encoding is {to} now: what is sent and shown is converted."))
        }
        _ => Some(format!(
            "client_encoding is {to} now, of which Tusk knows only ASCII: anything else is shown as its bytes (\\xNN) and \
             can't be sent. Run SET client_encoding = 'UTF8' to go back."
        )),
    };
    if let Some(text) = news {
        if is_understood {
            say(tab, now, MessageKind::Session, text, Some(query));
        } else {
            say(tab, now, MessageKind::Warning, text.clone(), Some(query));
            cx.notify(text);
        }
    }
    drop_rows(gone, cx)
}
