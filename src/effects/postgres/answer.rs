//! The one terminal message in which every effect ends, whatever happens to its task.

use flume::Sender;

use super::error;
use crate::{
    failure::{Category, Failure},
    msg::Msg,
};

/// Sends a message to the loop. If the loop has ended, nobody needs the message.
pub fn post(outbox: &Sender<Msg>, msg: impl Into<Msg>) {
    if outbox.send(msg.into()).is_err() {
        log::trace!("a message came after the loop had ended");
    }
}

/// An effect's pending terminal message, sent when the task answers, or when the task is dropped or panics.
pub struct Answer<F: FnOnce(Failure) -> Msg> {
    outbox: Sender<Msg>,
    on_failure: Option<F>,
}

impl<F: FnOnce(Failure) -> Msg> Answer<F> {
    /// An answer that turns a failure into the effect's own message.
    pub fn new(outbox: &Sender<Msg>, on_failure: F) -> Self {
        Self { outbox: outbox.clone(), on_failure: Some(on_failure) }
    }

    /// Ends the effect with this message.
    pub fn with(mut self, msg: impl Into<Msg>) {
        self.on_failure = None;
        post(&self.outbox, msg);
    }

    /// Ends the effect with this failure.
    pub fn failed(mut self, failure: Failure) {
        self.fail(failure);
    }

    fn fail(&mut self, failure: Failure) {
        if let Some(on_failure) = self.on_failure.take() {
            post(&self.outbox, on_failure(failure));
        }
    }
}

impl<F: FnOnce(Failure) -> Msg> Drop for Answer<F> {
    fn drop(&mut self) {
        if self.on_failure.is_some() {
            self.fail(abandoned());
        }
    }
}

/// The failure of an effect whose task was dropped, because it panicked or was asked to stop.
pub fn abandoned() -> Failure {
    if std::thread::panicking() {
        error::plain(Category::Internal, "A fault in Tusk ended this; its log may say more.")
    } else {
        error::plain(Category::Cancelled, "Stopped before it was done.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::ids::Request, update::connection};

    fn answer(outbox: &Sender<Msg>) -> Answer<impl FnOnce(Failure) -> Msg + use<>> {
        Answer::new(outbox, |failure| {
            connection::Msg::Tested { attempt: Request(1), result: Err(failure) }.into()
        })
    }

    #[test]
    fn an_answer_is_sent_once() {
        let (outbox, inbox) = flume::unbounded();
        answer(&outbox)
            .with(connection::Msg::Tested { attempt: Request(1), result: Ok(Default::default()) });
        let Ok(Msg::Connection(connection::Msg::Tested { result: Ok(_), .. })) = inbox.try_recv()
        else {
            panic!()
        };
        assert!(inbox.is_empty());
    }

    #[test]
    fn a_dropped_answer_says_that_it_was_stopped() {
        let (outbox, inbox) = flume::unbounded();
        drop(answer(&outbox));
        let Ok(Msg::Connection(connection::Msg::Tested { result: Err(failure), .. })) =
            inbox.try_recv()
        else {
            panic!()
        };
        assert_eq!(failure.category, Category::Cancelled);
        assert!(inbox.is_empty());
    }

    #[test]
    fn a_panic_is_answered_as_a_fault_of_the_program() {
        let (outbox, inbox) = flume::unbounded();
        let answer = answer(&outbox);
        let panicked = std::thread::spawn(move || {
            let _held = answer;
            panic!("as expected by this test");
        });
        assert!(panicked.join().is_err());
        let Ok(Msg::Connection(connection::Msg::Tested { result: Err(failure), .. })) =
            inbox.try_recv()
        else {
            panic!()
        };
        assert_eq!(failure.category, Category::Internal);
    }
}
