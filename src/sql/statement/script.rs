//! What to do with a piece of a script: run its psql commands, and send the rest. The same code reads a script that is
//! complete and one that comes in blocks.

use std::{ops::Range, sync::Arc};

use super::{
    classify::CopyDirection,
    psql::{self, Order, Refusal, Restriction},
    split::{self, Read},
};
use crate::sql::{Kind, Piece, Statement};

/// Something to do, in psql's order.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A psql command, at these bytes of the text. Nothing follows [`Order::Quit`].
    Order(Range<usize>, Order),
    /// A statement.
    Send(Sent),
}

/// A statement as it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// Its text, without what psql removes, with the comments before it.
    pub sql: Arc<str>,
    /// How many bytes of that are the comments.
    pub lead: usize,
    /// Where it begins in the text, after the comments.
    pub start: usize,
    /// The removed parts: the byte of `sql` before which each was, and its bytes in the text.
    pub cuts: Vec<(usize, Range<usize>)>,
    /// The lines of data below it.
    pub copy_data: Option<Range<usize>>,
    /// Whether it takes data, even if there are none because the text ends with it.
    pub takes_data: bool,
    /// Whether it is ended. psql sends an unended one that is not at the end of the script, after the commands below
    /// it.
    pub terminated: bool,
    /// Its kind, as far as the text shows.
    pub kind: Kind,
}

impl Sent {
    /// The statement without the comments in front of it.
    pub fn statement(&self) -> &str {
        self.sql.get(self.lead..).unwrap_or_default()
    }
}

/// What to do with a piece; or why its script is not run.
pub fn steps(text: &str, read: &Read, restriction: &mut Restriction) -> Result<Vec<Step>, Refusal> {
    let mut steps = Vec::new();
    match &read.piece {
        Piece::AcrossData { range } => {
            return Err(Refusal {
                range: range.clone(),
                reason: "This begins on the line of a COPY and goes on behind its data".into(),
            });
        }
        Piece::PsqlCommand { command, .. } => {
            orders(text, command.clone(), restriction, &mut steps)?;
        }
        Piece::Statement(statement) => {
            let mut end = statement.range.end;
            let mut quit = None;
            for cut in &statement.cuts {
                let is_command = text[cut.start..].starts_with('\\');
                if is_command {
                    orders(text, cut.clone(), restriction, &mut steps)?;
                    quit = steps.pop_if(|step| matches!(step, Step::Order(_, Order::Quit)));
                }
                if let Some(Step::Order(at, _)) = &quit {
                    // psql exits, and sends what it has read so far.
                    let read = text.get(..at.start).unwrap_or_default();
                    end = end.min(read.trim_ascii_end().len());
                    break;
                }
            }
            let lead = split::lead(text, read.previous, statement.range.start);
            let goes_on = quit.is_none();
            steps.extend(sent(text, statement, lead, end, goes_on).map(Step::Send));
            steps.extend(quit);
        }
    }
    Ok(steps)
}

fn orders(
    text: &str,
    range: Range<usize>,
    restriction: &mut Restriction,
    steps: &mut Vec<Step>,
) -> Result<(), Refusal> {
    let orders = psql::orders(text, range, restriction)?;
    steps.extend(orders.into_iter().map(|(range, order)| Step::Order(range, order)));
    Ok(())
}

/// None if nothing is left of it.
fn sent(
    text: &str,
    statement: &Statement,
    lead: Range<usize>,
    end: usize,
    goes_on: bool,
) -> Option<Sent> {
    let (sql, cuts) = without_cuts(text, statement, lead.start..end);
    if sql.len() <= lead.len() {
        return None;
    }
    Some(Sent {
        sql,
        lead: lead.len(),
        start: statement.range.start,
        cuts,
        copy_data: statement.copy_data.clone().filter(|_| goes_on),
        takes_data: goes_on && statement.kind.copy == Some(CopyDirection::FromStdin),
        terminated: statement.terminated,
        kind: statement.kind.clone(),
    })
}

/// The text to send, and the removed parts.
fn without_cuts(
    text: &str,
    statement: &Statement,
    range: Range<usize>,
) -> (Arc<str>, Vec<(usize, Range<usize>)>) {
    let inner = |cut: &&Range<usize>| cut.end <= range.end;
    if !statement.cuts.iter().any(|cut| inner(&cut)) {
        let sql = text.get(range).unwrap_or_default();
        return (sql.into(), vec![]);
    }
    let (mut sql, mut cuts, mut at) = (String::new(), vec![], range.start);
    for cut in statement.cuts.iter().filter(inner) {
        sql += text.get(at..cut.start).unwrap_or_default();
        cuts.push((sql.len(), cut.clone()));
        at = cut.end;
    }
    sql += text.get(at..range.end).unwrap_or_default();
    (sql.into(), cuts)
}
