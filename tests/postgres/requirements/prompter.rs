//! Somebody who is asked for the keyring's password and says no: the other side of GNOME Keyring's prompts, which are
//! asked for on the session bus under a name that the desktop's shell has elsewhere.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use zbus::{
    blocking::{Connection, MessageIterator, connection::Builder},
    message::{Message, Type},
    zvariant::{ObjectPath, Value},
};

const NAME: &str = "org.gnome.keyring.SystemPrompter";
const CALLBACK: &str = "org.gnome.keyring.internal.Prompter.Callback";

/// Dismisses each prompt from now on, and counts them.
pub fn dismiss_each() -> Arc<AtomicUsize> {
    let bus = Builder::session().and_then(|bus| bus.name(NAME)).and_then(Builder::build).unwrap();
    let calls = MessageIterator::from(bus.clone());
    let dismissed = Arc::new(AtomicUsize::new(0));
    let count = dismissed.clone();
    thread::spawn(move || {
        for call in calls {
            answer(&bus, &call.unwrap(), &count);
        }
    });
    dismissed
}

fn answer(bus: &Connection, call: &Message, dismissed: &AtomicUsize) {
    type Perform<'a> = (ObjectPath<'a>, String, HashMap<String, Value<'a>>, String);
    let header = call.header();
    if header.message_type() != Type::MethodCall {
        return;
    }
    bus.reply(&header, &()).unwrap();
    let body = call.body();
    let (callback, word, exchange) = match header.member().map(|name| name.as_str()) {
        Some("BeginPrompting") => (body.deserialize().unwrap(), "", String::new()),
        Some("PerformPrompt") => {
            let (callback, _, _, exchange): Perform<'_> = body.deserialize().unwrap();
            dismissed.fetch_add(1, Ordering::SeqCst);
            (callback, "no", exchange)
        }
        _ => return,
    };
    let asker = header.sender().unwrap().to_owned();
    let nothing_more = HashMap::<String, Value<'_>>::new();
    let ready = Message::method_call(callback, "PromptReady")
        .and_then(|message| message.destination(asker))
        .and_then(|message| message.interface(CALLBACK))
        .and_then(|message| message.build(&(word, nothing_more, exchange)))
        .unwrap();
    bus.send(&ready).unwrap();
}
