//! Messages that nobody would send: those that were seen, with other ids (some of which exist), other numbers, other
//! texts, lists cut short or doubled. What deserialises is a message, so no kind of it is left out.

use crate::support::generated::Random;
use serde_json::Value;
use tusk::{model::Model, msg::Msg, update::query};

/// So many messages are known to begin with.
const KNOWN: usize = 64;

/// Learns a message that was seen.
pub fn learn(corpus: &mut Vec<Msg>, msg: &Msg, random: &mut Random) {
    let large =
        matches!(msg, Msg::Query(query::Msg::RowsArrived { chunk, .. }) if chunk.rows() > 8);
    if large {
        return;
    }
    if corpus.len() < KNOWN {
        corpus.push(msg.clone());
        return;
    }
    let place = random.below(KNOWN);
    // Kinds that come often must not crowd out the others.
    if std::mem::discriminant(&corpus[place]) == std::mem::discriminant(msg) || random.chance(20) {
        corpus[place] = msg.clone();
    }
}

pub fn message(model: &Model, corpus: &[Msg], random: &mut Random) -> Msg {
    let msg = random.pick(corpus);
    let Ok(mut value) = serde_json::to_value(msg) else {
        return msg.clone();
    };
    let ids = ids(model);
    bend(&mut value, &ids, random);
    serde_json::from_value(value).unwrap_or_else(|_| msg.clone())
}

/// Ids of the Model, whatever they stand for.
fn ids(model: &Model) -> Vec<String> {
    let mut ids: Vec<String> = model.pages.open.iter().map(|tab| tab.id.to_string()).collect();
    ids.extend(model.connections.keys().map(ToString::to_string));
    for tab in &model.pages.open {
        use tusk::update::query::run::{Run, Session};
        match &tab.session {
            Session::Live(live) => ids.push(live.id.to_string()),
            Session::Opening { id, .. } => ids.push(id.to_string()),
            Session::Closed | Session::Lost(_) => {}
        }
        if let Run::Running(run) = &tab.run {
            ids.push(run.query.to_string());
        }
        ids.extend(tab.results.list.iter().map(|result| result.query.to_string()));
    }
    ids
}

fn bend(value: &mut Value, ids: &[String], random: &mut Random) {
    match value {
        Value::String(text) if uuid::Uuid::parse_str(text).is_ok() => {
            if random.chance(60) {
                *text = random.pick(ids).clone();
            }
        }
        Value::String(text) => {
            if random.chance(10) {
                *text = random
                    .pick(&["", "é", "select 1; select 2", "57014", "\u{0}", "𝄞'\"$$"])
                    .to_string();
            }
        }
        Value::Number(number) => {
            if random.chance(30) {
                let near = number.as_u64().unwrap_or_default();
                let other = *random.pick(&[
                    0,
                    1,
                    2,
                    near.saturating_add(1),
                    near.saturating_sub(1),
                    random.clone().below(300) as u64,
                    u64::from(u16::MAX),
                    u64::from(u32::MAX),
                    u64::MAX >> 1,
                    u64::MAX,
                ]);
                *number = other.into();
            }
        }
        Value::Bool(is) => *is ^= random.chance(20),
        Value::Array(list) => {
            match random.below(12) {
                0 => list.truncate(list.len() / 2),
                1 if list.len() < 32 => list.extend(list.clone()),
                _ => {}
            }
            for value in list {
                bend(value, ids, random);
            }
        }
        Value::Object(members) => {
            // The parts of a chunk, and those of a catalog, belong together: no runner makes one that is not whole.
            if members.contains_key("column_names") {
                return;
            }
            for (name, value) in members {
                if name != "chunk" {
                    bend(value, ids, random);
                }
            }
        }
        Value::Null => {}
    }
}
