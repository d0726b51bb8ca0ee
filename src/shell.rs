//! Commands that are shown to be pasted into a shell. None is ever run.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A text as one word of a POSIX shell; one with control or non-ASCII characters in the form of bash, zsh, and ksh, `$'...'`,
/// in which no character can hide.
pub fn word(text: &OsStr) -> String {
    let bytes = text.as_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./+,:@%=".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(is_plain) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    if bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        return format!("'{}'", String::from_utf8_lossy(bytes).replace('\'', r"'\''"));
    }
    let mut word = String::from("$'");
    for &byte in bytes {
        match byte {
            b'\'' | b'\\' => word.extend(['\\', char::from(byte)]),
            b' '..=b'~' => word.push(char::from(byte)),
            // Octal, since a digit that follows would belong to a hexadecimal number.
            other => word.push_str(&format!("\\{other:03o}")),
        }
    }
    word + "'"
}

/// Ids that are longer are not shown in a command.
const MAX_ID_LEN: usize = 200;

/// An id as a word of a command; None if it would be an option, or can't be shown.
pub fn id_word(id: &str) -> Option<String> {
    (is_shown(id) && !id.is_empty() && !id.starts_with('-')).then(|| word(OsStr::new(id)))
}

/// An id as a literal of SQL that nothing can break out of, nor out of double quotes of a shell; None if it can't be shown.
pub fn id_literal(id: &str) -> Option<String> {
    let is_plain = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && !b"\"\\$`!".contains(&byte);
    if !is_shown(id) {
        None
    } else if id.bytes().all(is_plain) {
        Some(format!("'{}'", id.replace('\'', "''")))
    } else {
        let hex: String = id.bytes().map(|byte| format!("{byte:02X}")).collect();
        Some(format!("CAST(X'{hex}' AS TEXT)"))
    }
}

/// Whether an id is short enough to be shown and known to the byte.
fn is_shown(id: &str) -> bool {
    id.len() <= MAX_ID_LEN && !id.contains(char::REPLACEMENT_CHARACTER)
}

/// The command that runs a statement on a database. The statement has none of the characters that are special within double
/// quotes: `"`, `\`, `$`, `!`, and the backquote.
pub fn sqlite3(database: &Path, statement: &str) -> String {
    let name = database.as_os_str().as_bytes();
    // Such a name would be an option, a URI, or a database in memory.
    let is_special = [&b"-"[..], b"file:", b":"].iter().any(|begin| name.starts_with(begin));
    let path = if is_special { Path::new(".").join(database) } else { database.to_owned() };
    format!("sqlite3 {} \"{statement}\"", word(path.as_os_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_if_it_has_to_be() {
        for (text, quoted) in [
            ("/app/data/phantom.db", "/app/data/phantom.db"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's $HOME", r"'it'\''s $HOME'"),
            ("a\nb7", r"$'a\012b7'"),
            ("caf\u{e9}'\\", r"$'caf\303\251\'\\'"),
        ] {
            assert_eq!(word(OsStr::new(text)), quoted);
        }
    }

    #[test]
    fn an_id_is_one_word_or_literal_or_not_shown_at_all() {
        let shown = |id: &str| (id_word(id), id_literal(id));
        let both = |word: &str, literal: &str| (Some(word.to_owned()), Some(literal.to_owned()));
        assert_eq!(shown("7f3a"), both("7f3a", "'7f3a'"));
        assert_eq!(shown("it's"), both(r"'it'\''s'", "'it''s'"));
        assert_eq!(shown("$a"), both("'$a'", "CAST(X'2461' AS TEXT)"));
        assert_eq!(shown("-rf"), (None, Some("'-rf'".to_owned())), "it would be an option");
        assert_eq!(shown(""), (None, Some("''".to_owned())));
        assert_eq!((shown(&"x".repeat(201)), shown("\u{fffd}")), ((None, None), (None, None)));
    }

    #[test]
    fn a_database_is_never_an_option_or_a_uri() {
        let command = |path: &str| sqlite3(Path::new(path), "SELECT 1;");
        assert_eq!(command("data/a.db"), "sqlite3 data/a.db \"SELECT 1;\"");
        assert_eq!(command("-init"), "sqlite3 ./-init \"SELECT 1;\"");
        assert_eq!(command("file:a.db"), "sqlite3 ./file:a.db \"SELECT 1;\"");
        assert_eq!(command(":memory:"), "sqlite3 ./:memory: \"SELECT 1;\"");
    }
}
