//! The lines of a recording: a head, messages, the Model's hash now and then, and an end.

use serde::{Deserialize, Serialize};

use super::hash;
use crate::{base::stamp::Stamp, msg::Msg};

/// The format that this program writes and reads.
pub const FORMAT: u32 = 1;
/// What separates a line's content and its hash.
const CHAIN: &[u8] = b",\"chain\":\"";
/// The length of a line's end: [`CHAIN`], 16 digits, a quote, a brace.
const TAIL: usize = CHAIN.len() + 16 + 2;

/// The first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The version of the program.
    pub tusk: String,
    /// The format of the file.
    pub format: u32,
    /// How the Model is hashed.
    pub hash: String,
    /// The seed of the Model's ids.
    pub seed: u64,
}

/// A message, as written.
#[derive(Serialize)]
pub struct Written<'msg> {
    /// Its number, from 1.
    pub n: u64,
    /// When it was taken.
    pub at: Stamp,
    /// The message.
    pub msg: &'msg Msg,
}

/// Any other line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// The Model after a message.
    Check {
        /// The number of the last message.
        after: u64,
        /// The hash in hexadecimal.
        hash: String,
    },
    /// The last line of a complete recording.
    End {
        /// How many messages there are.
        messages: u64,
        /// The hash of the Model at the end.
        hash: String,
    },
    /// The last line of a recording that ended before the program.
    Cut {
        /// How many messages there are.
        messages: u64,
        /// The hash of the Model at the end.
        hash: String,
        /// Why it ended.
        reason: String,
    },
}

/// Any line but the first, as read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// The number of a message.
    pub n: Option<u64>,
    /// When it was taken.
    pub at: Option<Stamp>,
    /// The message.
    pub msg: Option<Msg>,
    /// See [`Mark::Check`].
    pub check: Option<Check>,
    /// See [`Mark::End`].
    pub end: Option<End>,
    /// See [`Mark::Cut`].
    pub cut: Option<Cut>,
}

/// See [`Mark::Check`].
#[derive(Deserialize)]
pub struct Check {
    /// The number of the last message.
    pub after: u64,
    /// The hash in hexadecimal.
    pub hash: String,
}

/// See [`Mark::End`].
#[derive(Deserialize)]
pub struct End {
    /// How many messages there are.
    pub messages: u64,
    /// The hash of the Model at the end.
    pub hash: String,
}

/// See [`Mark::Cut`].
#[derive(Deserialize)]
pub struct Cut {
    /// How many messages there are.
    pub messages: u64,
    /// The hash of the Model at the end.
    pub hash: String,
    /// Why it ended.
    pub reason: String,
}

/// Finishes a line: `line` is a JSON object, which gets its hash as its last member. Returns the hash.
pub fn close(before: u64, line: &mut Vec<u8>) -> u64 {
    line.pop();
    let hash = hash::of_line(before, line);
    line.extend_from_slice(CHAIN);
    line.extend_from_slice(format!("{hash:016x}\"}}\n").as_bytes());
    hash
}

/// The content of an unchanged line, and its hash; none for a changed one.
pub fn open(before: u64, line: &[u8]) -> Option<(Vec<u8>, u64)> {
    let line = line.strip_suffix(b"\n")?;
    let split = line.len().checked_sub(TAIL)?;
    let (content, tail) = line.split_at_checked(split)?;
    let digits = tail.strip_prefix(CHAIN)?.strip_suffix(b"\"}")?;
    let hash = hash::of_line(before, content);
    if digits != format!("{hash:016x}").as_bytes() {
        return None;
    }
    let mut content = content.to_vec();
    content.push(b'}');
    Some((content, hash))
}
