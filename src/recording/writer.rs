//! The writing end: redact, write, update, and a hash now and then.

use std::io::{self, Write};

use super::{
    hash,
    lines::{self, FORMAT, Head, Mark, Written},
    redact::Redactor,
};
use crate::{
    base::stamp::Stamp,
    model::Model,
    msg::Msg,
    update::{query, update},
};

/// The Model is hashed after this many messages,
const CHECK_MESSAGES: u64 = 256;
/// or after this time.
const CHECK_US: u64 = 1_000_000;

/// Writes a recording.
pub struct Writer<Out: Write> {
    out: Out,
    model: Model,
    redactor: Redactor,
    messages: u64,
    chain: u64,
    checked: (u64, u64),
    line: Vec<u8>,
}

impl<Out: Write> Writer<Out> {
    /// Writes the first line.
    pub fn begin(out: Out, version: &str, seed: u64) -> io::Result<Self> {
        let mut writer = Self {
            out,
            model: Model::default(),
            redactor: Redactor::default(),
            messages: 0,
            chain: 0,
            checked: (0, 0),
            line: Vec::new(),
        };
        let head = Head {
            tusk: version.to_owned(),
            format: FORMAT,
            hash: hash::ALGORITHM.to_owned(),
            seed,
        };
        serde_json::to_writer(&mut writer.line, &head)?;
        writer.close()?;
        Ok(writer)
    }

    /// A statement is sent whose secrets the answers may repeat.
    pub fn learn(&mut self, sql: &str) {
        self.redactor.learn(sql);
    }

    /// Writes a message without its secrets.
    pub fn message(&mut self, at: Stamp, msg: Msg) -> io::Result<()> {
        let msg = self.redactor.without_values(msg);
        // Rows are data, and large: only the secrets of statements are removed from them.
        if matches!(
            msg,
            Msg::Query(query::Msg::RowsArrived { .. } | query::Msg::EncodingChanged { .. })
        ) {
            return self.redacted(at, msg);
        }
        for msg in self.redactor.redact(&self.model, &msg)? {
            self.redacted(at, msg)?;
        }
        Ok(())
    }

    /// Writes the last line.
    pub fn end(mut self) -> io::Result<()> {
        let hash = self.hash()?;
        self.mark(&Mark::End { messages: self.messages, hash })?;
        self.flush()
    }

    /// Writes the last line of a recording that ends too early.
    pub fn cut(mut self, reason: &str) -> io::Result<()> {
        let hash = self.hash()?;
        self.mark(&Mark::Cut { messages: self.messages, hash, reason: reason.to_owned() })?;
        self.flush()
    }

    /// Flushes the file to the system.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn redacted(&mut self, at: Stamp, msg: Msg) -> io::Result<()> {
        self.messages += 1;
        serde_json::to_writer(&mut self.line, &Written { n: self.messages, at, msg: &msg })?;
        self.close()?;
        update(&mut self.model, at, msg);
        let (messages, mono_us) = self.checked;
        let is_due = self.messages >= messages + CHECK_MESSAGES
            || at.mono_us >= mono_us.saturating_add(CHECK_US);
        if is_due {
            self.checked = (self.messages, at.mono_us);
            let hash = self.hash()?;
            self.mark(&Mark::Check { after: self.messages, hash })?;
        }
        Ok(())
    }

    fn hash(&self) -> io::Result<String> {
        Ok(format!("{:032x}", hash::of_model(&self.model)?))
    }

    fn mark(&mut self, mark: &Mark) -> io::Result<()> {
        serde_json::to_writer(&mut self.line, mark)?;
        self.close()
    }

    fn close(&mut self) -> io::Result<()> {
        self.chain = lines::close(self.chain, &mut self.line);
        self.out.write_all(&self.line)?;
        self.line.clear();
        Ok(())
    }
}
