//! Text from a database or a path, made safe to show: it must not control the terminal or break a line.

use serde_json::ser::Formatter;
use std::io::{Result, Write};
use std::path::Path;

/// Replaces what does not print or changes the direction or place of text by its escape, and cuts at `most` characters.
pub fn text(untrusted: &str, most: usize) -> String {
    let mut shown = String::new();
    for (count, character) in untrusted.chars().enumerate() {
        if count >= most {
            shown.push('…');
            break;
        }
        match character {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            hidden if is_hidden(hidden) => shown.push_str(&format!("\\u{{{:x}}}", u32::from(hidden))),
            plain => shown.push(plain),
        }
    }
    shown
}

/// The same without what an older form of GitHub's workflow commands begins with, anywhere in a line.
pub fn workflow_text(untrusted: &str, most: usize) -> String {
    text(untrusted, most).replace("##[", "## [")
}

/// Writes JSON in which the same characters are escaped, where JSON itself leaves them; its meaning is the same.
pub struct Escaped<F>(pub F);

impl<F: Formatter> Formatter for Escaped<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> Result<()> {
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some((at, hidden)) = rest.char_indices().find(|(_, character)| is_hidden(*character)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + hidden.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.end_object_value(writer)
    }
}

/// Control characters, and format characters that hide, join or turn text (bidirectional marks, zero-width, tags).
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// A path made safe to show.
pub fn path(path: &Path, most: usize) -> String {
    text(&path.to_string_lossy(), most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;
    use serde_json::ser::{CompactFormatter, Serializer};

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(text("a\x1b[31mb\nc\u{202e}d\u{9b}", 99), "a\\u{1b}[31mb\\nc\\u{202e}d\\u{9b}");
        assert_eq!(text("heartbeat — später", 99), "heartbeat — später");
        assert_eq!(text("abcdef", 3), "abc…");
    }

    #[test]
    fn json_keeps_its_meaning_without_control_characters() {
        let value = serde_json::json!({"a\u{9b}": "x\u{202e}\u{7f}\n\u{e0041}", "plain": "ä…"});
        let mut shown = Vec::new();
        let written = value.serialize(&mut Serializer::with_formatter(&mut shown, Escaped(CompactFormatter)));
        let shown = String::from_utf8_lossy(&shown);
        assert!(written.is_ok());
        assert!(!shown.contains(is_hidden) && shown.contains("ä…"), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).ok(), Some(value));
    }
}
