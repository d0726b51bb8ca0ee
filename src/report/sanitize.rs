//! Text from a database or a path, made safe to show: it must not control the terminal, break a line, or leak a secret.

use regex_lite::Regex;
use std::path::Path;
use std::sync::LazyLock;

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
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// A path made safe to show.
pub fn path(path: &Path, most: usize) -> String {
    text(&path.to_string_lossy(), most)
}

/// The same for an error text of a job: secrets in it are masked first.
pub fn error(untrusted: &str, most: usize) -> String {
    text(&mask(untrusted), most)
}

/// What stands in for a secret.
const MASKED: &str = "[masked]";

/// What secrets look like: `$1` and `$3` of each are kept.
static SECRETS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let patterns = [
        // Cookies, whole.
        r"(?i)\b((?:set-)?cookie\s*[:=]\s*)([^\r\n]+)()",
        // An Authorization header; a bearer token anywhere: letters and digits, or long.
        r#"(?i)\b(authorization["']?\s*[:=]\s*["']?(?:bearer |basic )?)([^\s"',;]+)()"#,
        r#"(?i)\b(bearer\s+)([A-Za-z._~+/=-]*[0-9][^\s"',;]*|[^\s"',;]{20,})()"#,
        // The user of a URL, and paths that are secrets by themselves.
        r"(://)([^\s/@]+)(@)",
        r#"(?i)(hooks\.slack\.com/|discord(?:app)?\.com/api/webhooks/|\.office\.com/webhook[^/\s]*/|hc-ping\.com/|api\.telegram\.org/bot)([^\s"'<>)]+)()"#,
        // Values by their names.
        r#"(?i)((?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|signature|sig|auth|key)["']?\s*=\s*["']?)([^\s"'&,;]+)()"#,
        r#"(?i)((?:password|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)["']?\s*:\s*["']?)([^\s"'&,;]{6,})()"#,
        // Keys by their prefixes, JSON web tokens, bots of Telegram.
        r"\b()((?:sk|pk|rk)[-_][A-Za-z0-9_.-]{8,}|xox[a-z]-[A-Za-z0-9-]+|xapp-[A-Za-z0-9-]+|gh[a-z]_[A-Za-z0-9]{8,}|github_pat_\w+|glpat-[A-Za-z0-9_-]+|A[KS]IA[A-Z0-9]{8,}|AIza[A-Za-z0-9_-]{10,}|ya29\.[A-Za-z0-9_.-]+|hf_[A-Za-z0-9]{10,}|npm_[A-Za-z0-9]{10,}|SG\.[A-Za-z0-9_.-]{10,}|eyJ[A-Za-z0-9_.-]{10,}|[0-9]{6,12}:[A-Za-z0-9_-]{30,})()",
        // Long runs of hexadecimal digits.
        r"\b()([0-9a-fA-F]{32,})()\b",
    ];
    // A unit test compiles each of them.
    patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect()
});

/// How much of a text is looked at: more than is ever shown.
const MAX_MASKED_LEN: usize = 2000;

fn mask(untrusted: &str) -> String {
    let mut text: String = untrusted.chars().take(MAX_MASKED_LEN).collect();
    for secret in SECRETS.iter() {
        if secret.is_match(&text) {
            text = secret.replace_all(&text, format!("${{1}}{MASKED}${{3}}")).into_owned();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(text("a\x1b[31mb\nc\u{202e}d\u{9b}", 99), "a\\u{1b}[31mb\\nc\\u{202e}d\\u{9b}");
        assert_eq!(text("heartbeat — später", 99), "heartbeat — später");
        assert_eq!(text("abcdef", 3), "abc…");
    }

    #[test]
    fn json_keeps_its_meaning_without_control_characters() {
        let value = serde_json::json!({"a\u{9b}": "x\u{202e}\u{7f}\n\u{e0041}", "plain": "ä…"});
        let shown = json(value.to_string());
        assert!(!shown.contains(is_hidden) && shown.contains("ä…"), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).ok(), Some(value));
    }

    #[test]
    fn secrets_are_masked() {
        assert_eq!(SECRETS.len(), 9, "a pattern does not compile");
        for (secret, shown) in [
            ("bad key sk-ant-api03-abc, retry", "bad key [masked], retry"),
            ("token=abcdef0123456789abcdef0123 failed", "token=[masked] failed"),
            ("postgres://admin:secret@db.example/jobs refused", "postgres://[masked]@db.example/jobs refused"),
            ("GET https://x.example/a?token=abc&page=2 failed", "GET https://x.example/a?token=[masked]&page=2 failed"),
            ("Set-Cookie: session=abc; Path=/", "Set-Cookie: [masked]"),
            ("POST https://hooks.slack.com/services/T0/B0/xyz: 404", "POST https://hooks.slack.com/[masked] 404"),
            ("https://discord.com/api/webhooks/1/abc gone", "https://discord.com/api/webhooks/[masked] gone"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer [masked]"),
            ("Bearer abc123 was refused", "Bearer [masked] was refused"),
            (r#"{"api_key": "abcdef12"}"#, r#"{"api_key": "[masked]"}"#),
            ("password='hunter2'", "password='[masked]'"),
            ("ghp_0123456789abcdef is revoked", "[masked] is revoked"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIi expired", "[masked] expired"),
            ("bot 123456789:AAabcdefghijklmnopqrstuvwxyz0123456 blocked", "bot [masked] blocked"),
            ("id 0123456789abcdef0123456789abcdef", "id [masked]"),
        ] {
            assert_eq!(error(secret, 200), shown);
        }
    }

    #[test]
    fn diagnoses_are_not_masked() {
        for text in [
            "Error: Claude Code process exited with code 1",
            "model claude-3-5-sonnet-20241022 not found",
            "invalid bearer token supplied",
            "unexpected token in JSON at position 12",
            "max_tokens: 4096 is too large",
            "job 0ed72990-5930-447f-b94a-a83b469f15cc failed",
            "connect ECONNREFUSED 127.0.0.1:11434",
            "Basic authentication is required by https://api.example.com/v1/messages",
        ] {
            assert_eq!(error(text, 200), text);
        }
    }
}
