//! Text from a database or a path, made safe to show: it must not control the terminal, break a line, or leak a secret.

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

/// JSON in which the same characters are escaped, where JSON itself leaves them; its meaning is the same.
pub fn json(text: String) -> String {
    // Of ASCII, JSON leaves only DEL: the usual text is done with by a look at its bytes.
    if text.is_ascii() && !text.as_bytes().contains(&0x7f) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        if character != '\n' && is_hidden(character) {
            escaped.extend(character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Control characters, and format characters that hide, join or turn text (bidirectional marks, zero-width, tags).
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The same for an error text: what looks like a token or a key is masked first.
pub fn error(untrusted: &str, most: usize) -> String {
    let words: Vec<String> = untrusted.split(' ').map(mask).collect();
    text(&words.join(" "), most)
}

/// A long run of letters and digits mixed, or one that begins as keys do, is a secret until proven otherwise.
fn mask(word: &str) -> String {
    let mut masked = String::new();
    for part in word.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+'))) {
        let body = part.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+')));
        let (digits, letters) =
            (body.bytes().any(|b| b.is_ascii_digit()), body.bytes().any(|b| b.is_ascii_alphabetic()));
        let key = ["sk-", "xox", "ghp_", "gho_", "github_pat_", "AKIA", "eyJ", "glpat-", "AIza"]
            .iter()
            .any(|k| body.starts_with(k));
        if key || body.len() >= 20 && digits && letters {
            masked.push_str("[masked]");
            masked.push_str(&part[body.len()..]);
        } else {
            masked.push_str(part);
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_shown_escaped() {
        assert_eq!(text("a\x1b[31mb\nc\u{202e}d\u{9b}", 99), "a\\u{1b}[31mb\\nc\\u{202e}d\\u{9b}");
        assert_eq!(text("heartbeat — später", 99), "heartbeat — später");
        assert_eq!(text("abcdef", 3), "abc…");
    }

    #[test]
    fn json_means_the_same_without_characters_that_steer() {
        let value = serde_json::json!({"a\u{9b}": "x\u{202e}\u{7f}\n\u{e0041}", "plain": "ä…"});
        let shown = json(value.to_string());
        assert!(!shown.contains(is_hidden) && shown.contains("ä…"), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).ok(), Some(value));
    }

    #[test]
    fn keys_in_errors_are_masked_and_words_are_not() {
        assert_eq!(error("bad key sk-ant-api03-abc, retry", 99), "bad key [masked], retry");
        assert_eq!(error("token=abcdef0123456789abcdef0123 failed", 99), "token=[masked] failed");
        assert_eq!(
            error("Error: Claude Code process exited with code 1", 99),
            "Error: Claude Code process exited with code 1"
        );
    }
}
