//! Secrets in texts that programs write: error messages, mostly.

use regex_lite::Regex;
use std::sync::LazyLock;

/// What stands in for a secret.
const MASKED: &str = "[masked]";

/// A kind of secret.
struct Secret {
    /// Whether a text in lower case may hold one: most messages hold none, and to see that takes a hundredth of the time.
    may_be_in: fn(&str) -> bool,
    /// What it looks like: `$1` and `$3` are kept.
    pattern: Regex,
}

static SECRETS: LazyLock<Vec<Secret>> = LazyLock::new(|| {
    let kinds: [(fn(&str) -> bool, &str); 9] = [
        // Cookies, whole.
        (|text| has_any(text, "cookie"), r"(?i)\b((?:set-)?cookie\s*[:=]\s*)([^\r\n]+)()"),
        // An Authorization header; a bearer token anywhere: letters and digits, or long.
        (
            |text| has_any(text, "authorization"),
            r#"(?i)\b(authorization["']?\s*[:=]\s*["']?(?:bearer |basic )?)([^\s"',;]+)()"#,
        ),
        (|text| has_any(text, "bearer"), r#"(?i)\b(bearer\s+)([A-Za-z._~+/=-]*[0-9][^\s"',;]*|[^\s"',;]{20,})()"#),
        // The user of a URL, and paths that are secrets by themselves.
        (|text| has_any(text, "://"), r"(://)([^\s/@]+)(@)"),
        (
            |text| has_any(text, "hooks.slack.com/ discord .office.com/webhook hc-ping.com/ api.telegram.org/bot"),
            r#"(?i)(hooks\.slack\.com/|discord(?:app)?\.com/api/webhooks/|\.office\.com/webhook[^/\s]*/|hc-ping\.com/|api\.telegram\.org/bot)([^\s"'<>)]+)()"#,
        ),
        // Values by their names.
        (
            |text| text.contains('=') && has_any(text, "passw pwd secret token key credential sig auth"),
            r#"(?i)((?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|signature|sig|auth|key)["']?\s*=\s*["']?)([^\s"'&,;]+)()"#,
        ),
        (
            |text| text.contains(':') && has_any(text, "passw secret token key"),
            r#"(?i)((?:password|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)["']?\s*:\s*["']?)([^\s"'&,;]{6,})()"#,
        ),
        // Keys by their prefixes, JSON web tokens, bots of Telegram.
        (
            |text| has_any(text, KEY_PREFIXES) || longest_run(text, |byte| byte.is_ascii_digit() || byte == b':') > 6,
            r"\b()((?:sk|pk|rk)[-_][A-Za-z0-9_.-]{8,}|xox[a-z]-[A-Za-z0-9-]+|xapp-[A-Za-z0-9-]+|gh[a-z]_[A-Za-z0-9]{8,}|github_pat_\w+|glpat-[A-Za-z0-9_-]+|A[KS]IA[A-Z0-9]{8,}|AIza[A-Za-z0-9_-]{10,}|ya29\.[A-Za-z0-9_.-]+|hf_[A-Za-z0-9]{10,}|npm_[A-Za-z0-9]{10,}|SG\.[A-Za-z0-9_.-]{10,}|eyJ[A-Za-z0-9_.-]{10,}|[0-9]{6,12}:[A-Za-z0-9_-]{30,})()",
        ),
        // Long runs of hexadecimal digits.
        (|text| longest_run(text, |byte| byte.is_ascii_hexdigit()) >= 32, r"\b()([0-9a-fA-F]{32,})()\b"),
    ];
    // A unit test compiles each of them.
    let secret =
        |(may_be_in, pattern): (fn(&str) -> bool, &str)| Some(Secret { may_be_in, pattern: Regex::new(pattern).ok()? });
    kinds.into_iter().filter_map(secret).collect()
});

/// What keys begin with, in lower case.
const KEY_PREFIXES: &str =
    "sk- sk_ pk- pk_ rk- rk_ xox xapp- gh github_pat_ glpat- akia asia aiza ya29. hf_ npm_ sg. eyj";

/// Whether a text has any of some words, between spaces.
fn has_any(text: &str, words: &str) -> bool {
    words.split(' ').any(|word| text.contains(word))
}

/// The most bytes of a kind in a row.
fn longest_run(text: &str, is_of_kind: fn(u8) -> bool) -> usize {
    text.as_bytes().split(|byte| !is_of_kind(*byte)).map(<[u8]>::len).max().unwrap_or(0)
}

/// How much of a text is looked at: more than is ever shown.
const MAX_MASKED_LEN: usize = 2000;

/// The text with all that looks like a secret masked, cut to what could ever be shown.
pub fn mask(untrusted: &str) -> String {
    let mut text: String = untrusted.chars().take(MAX_MASKED_LEN).collect();
    let lower_case = text.to_ascii_lowercase();
    for secret in SECRETS.iter() {
        if (secret.may_be_in)(&lower_case) && secret.pattern.is_match(&text) {
            text = secret.pattern.replace_all(&text, format!("${{1}}{MASKED}${{3}}")).into_owned();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What [`mask`] does, with each pattern tried.
    fn masked_by_all(text: &str) -> String {
        let mut text = text.to_owned();
        for secret in SECRETS.iter() {
            text = secret.pattern.replace_all(&text, format!("${{1}}{MASKED}${{3}}")).into_owned();
        }
        text
    }

    const PARTS: [&str; 40] = [
        "Cookie",
        "cookie",
        "set-",
        "AUTHORIZATION",
        "Bearer",
        "basic",
        " ",
        ": ",
        "=",
        "://",
        "@",
        "/",
        "hooks.slack.com/",
        "discordapp.com/api/webhooks/",
        "x.office.com/webhookb2/",
        "hc-ping.com/",
        "API.telegram.org/bot",
        "password",
        "Passwd",
        "pwd",
        "secret",
        "TOKEN",
        "api_key",
        "accesskey",
        "credentials",
        "signature",
        "sig",
        "auth",
        "sk-",
        "xoxb-",
        "xapp-",
        "ghp_",
        "github_pat_",
        "glpat-",
        "AKIA",
        "AIza",
        "ya29.",
        "npm_",
        "SG.",
        "eyJ",
    ];

    proptest! {
        #[test]
        fn no_secret_is_missed_by_the_search_before_the_patterns(
            parts in prop::collection::vec((0..PARTS.len(), "[0-9a-fA-F]{0,9}[A-Za-z0-9:_. ]{0,12}"), 1..8),
        ) {
            let text: String = parts.iter().flat_map(|(part, rest)| [PARTS[*part], rest]).collect();
            prop_assert_eq!(mask(&text), masked_by_all(&text));
        }
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
            assert_eq!(mask(secret), shown);
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
            assert_eq!(mask(text), text);
        }
    }
}
