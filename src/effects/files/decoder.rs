//! Decodes a file that is read in blocks.

use super::encoding;
use crate::sql::encoding::Encoding;

/// The bytes are not text in the file's encoding.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::effects) struct NoText;

/// Turns a file's blocks into text, wherever they split it.
pub(in crate::effects) struct Decoder {
    encoding: Encoding,
    /// The start of a character whose rest is still to come.
    carried: Vec<u8>,
    /// The decoder for multi-byte encodings.
    table: Option<encoding_rs::Decoder>,
}

impl Decoder {
    /// For a file in this encoding, starting after its byte order mark.
    pub(in crate::effects) fn new(encoding: Encoding) -> Self {
        let table = encoding::table(encoding);
        let is_stateful = !table.is_single_byte() && encoding != Encoding::Utf8;
        Self {
            encoding,
            carried: Vec::new(),
            table: is_stateful.then(|| table.new_decoder_without_bom_handling()),
        }
    }

    pub(in crate::effects) fn text(&mut self, block: &[u8], last: bool) -> Result<String, NoText> {
        if let Some(table) = &mut self.table {
            return by_table(table, block, last);
        }
        if self.encoding != Encoding::Utf8 {
            let text = encoding::decode(self.encoding, block);
            return text.map(|text| text.into_owned()).ok_or(NoText);
        }
        self.carried.extend_from_slice(block);
        let whole = match std::str::from_utf8(&self.carried) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() && !last => error.valid_up_to(),
            Err(_) => return Err(NoText),
        };
        let rest = self.carried.split_off(whole);
        let text = std::mem::replace(&mut self.carried, rest);
        String::from_utf8(text).map_err(|_| NoText)
    }
}

fn by_table(table: &mut encoding_rs::Decoder, block: &[u8], last: bool) -> Result<String, NoText> {
    let most = table.max_utf8_buffer_length_without_replacement(block.len());
    let mut text = String::with_capacity(most.ok_or(NoText)?);
    let (result, _) = table.decode_to_string_without_replacement(block, &mut text, last);
    match result {
        encoding_rs::DecoderResult::InputEmpty => Ok(text),
        encoding_rs::DecoderResult::OutputFull | encoding_rs::DecoderResult::Malformed(..) => {
            Err(NoText)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_same_whatever_its_blocks() {
        let text = "select 'aé日\u{fffd}'; -- ñ\r\n";
        for (encoding, text) in [
            (Encoding::Utf8, text),
            (Encoding::Utf16Le, text),
            (Encoding::Utf16Be, text),
            (Encoding::Latin1, "select 'é\u{80}ÿ';"),
            (Encoding::Windows1252, "select 'é€ÿ';"),
            (Encoding::ShiftJis, "select '日本';"),
        ] {
            let mut bytes = Vec::new();
            encoding::encode(encoding, text, &mut bytes).unwrap();
            for size in 1..6 {
                let mut decoder = Decoder::new(encoding);
                let mut read: String =
                    bytes.chunks(size).map(|block| decoder.text(block, false).unwrap()).collect();
                read.push_str(&decoder.text(b"", true).unwrap());
                assert_eq!(read, text, "{encoding:?} {size}");
            }
        }
        assert_eq!(Decoder::new(Encoding::Utf8).text(b"a\xff", false), Err(NoText));
        assert_eq!(Decoder::new(Encoding::Utf8).text(b"a\xc3", true), Err(NoText));
    }
}
