//! Work on many cells: copying and summing a range, and dropping rows. It has a thread of its own, because a million
//! rows take their time.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use flume::Sender;

use crate::{
    base::ids::Request,
    msg::Msg,
    rows::{Range, Rows, export, show::summary},
    update::results::{self, contract::Effect},
};

/// The longest copy: what a clipboard and its readers can be expected to take.
const COPY_BYTES: usize = 256 << 20;

/// The thread that works on cells.
pub struct Cells {
    inbox: Sender<Effect>,
    /// The newest requested sum: an older one under way gives up.
    newest_sum: Arc<AtomicU64>,
}

impl Cells {
    /// Starts the thread; answers go to `outbox`.
    pub fn start(outbox: Sender<Msg>) -> Self {
        let (inbox, effects) = flume::unbounded::<Effect>();
        let newest_sum = Arc::new(AtomicU64::new(0));
        let newest = newest_sum.clone();
        let work = move || {
            for effect in effects {
                let answer = perform(effect, &newest);
                // If the loop has ended, nobody wants the answer.
                outbox.send(answer.into()).unwrap_or_default();
            }
        };
        if let Err(error) = std::thread::Builder::new().name("tusk-cells".into()).spawn(work) {
            log::error!("the thread for copying cells did not start: {error}");
        }
        Self { inbox, newest_sum }
    }

    /// Takes an effect; returns at once. Returns the effect if there is no thread for it.
    pub fn perform(&self, effect: Effect) -> Result<(), Effect> {
        if let Effect::Summarize { request, .. } = effect {
            self.newest_sum.store(request.0, Ordering::Relaxed);
        }
        self.inbox.send(effect).map_err(flume::SendError::into_inner)
    }
}

fn perform(effect: Effect, newest_sum: &AtomicU64) -> results::contract::Msg {
    match effect {
        Effect::Copy { request, rows, range, headers } => copy(request, &rows, &range, headers),
        Effect::Summarize { request, rows, range } => {
            let overtaken = || newest_sum.load(Ordering::Relaxed) != request.0;
            results::contract::Msg::Summarized {
                request,
                summary: summary::summarise(&rows, &range, &overtaken),
            }
        }
        Effect::Drop { request, rows } => {
            drop(rows);
            results::contract::Msg::Dropped { request }
        }
    }
}

fn copy(request: Request, rows: &Rows, range: &Range, headers: bool) -> results::contract::Msg {
    let mut bytes = 0;
    let format = export::copied(rows, range, headers);
    let measured = export::export(rows, Some(range), format, |block: &[u8]| {
        bytes += block.len();
        if bytes > COPY_BYTES { Err(()) } else { Ok(()) }
    });
    let text = match measured {
        Ok(()) => Ok(export::clipboard(rows, range, format).into()),
        Err(()) => Err(format!(
            "The selection is more than {}, which is too much for the clipboard. Select fewer cells.",
            crate::rows::show::display::bytes_text(COPY_BYTES as u64)
        )),
    };
    results::contract::Msg::Copied { request, text, cells: range.cells() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{ChunkBuilder, Column, Position};

    fn rows() -> Rows {
        let mut builder = ChunkBuilder::new(2);
        for (one, two) in [("1", "a"), ("2", "b\tc")] {
            let mut row = vec![0, 2];
            for text in [one, two] {
                row.extend((text.len() as i32).to_be_bytes());
                row.extend(text.as_bytes());
            }
            builder.push_data_row(&row).unwrap();
        }
        let mut rows = Rows::new([Column::new("n", 23, -1), Column::new("t", 25, -1)].into());
        rows.append(Arc::new(builder.finish()));
        rows
    }

    #[test]
    fn every_effect_is_answered_with_its_request() {
        let (outbox, answers) = flume::unbounded();
        let cells = Cells::start(outbox);
        let range = Range::between(Position { row: 0, column: 0 }, Position { row: 1, column: 1 });
        cells
            .perform(Effect::Copy {
                request: Request(1),
                rows: rows(),
                range: range.clone(),
                headers: true,
            })
            .unwrap();
        cells.perform(Effect::Summarize { request: Request(2), rows: rows(), range }).unwrap();
        cells.perform(Effect::Drop { request: Request(3), rows: vec![rows()] }).unwrap();
        let text = Ok("n\tt\n1\ta\n2\t\"b\tc\"".into());
        assert_eq!(
            answers.recv().unwrap(),
            Msg::Cells(results::contract::Msg::Copied { request: Request(1), text, cells: 4 })
        );
        let Msg::Cells(results::contract::Msg::Summarized {
            request: Request(2),
            summary: Some(summary),
        }) = answers.recv().unwrap()
        else {
            panic!("not a sum");
        };
        assert_eq!((summary.cells, summary.sum.as_deref()), (4, Some("3")));
        assert_eq!(
            answers.recv().unwrap(),
            Msg::Cells(results::contract::Msg::Dropped { request: Request(3) })
        );
    }
}
