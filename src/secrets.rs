//! Secrets in texts that programs write: error messages, mostly.

use regex_lite::Regex;
use std::sync::LazyLock;

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

/// The text with all that looks like a secret masked, cut to what could ever be shown.
pub fn mask(untrusted: &str) -> String {
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
