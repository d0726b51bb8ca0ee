//! Errors in a few words.

/// What schedulers put before the error itself.
const WRAPPERS: [&str; 6] = [
    "Error: ",
    "Claude Code returned an error result: ",
    "heartbeat failed: ",
    "error: ",
    "error:",
    "\u{26a0}\u{fe0f} ",
];
/// An error in a headline has no room for more characters.
const MAX_SHORT: usize = 60;
/// `HTTP 400`.
const STATUS: &str = "HTTP ";
const STATUS_DIGITS: usize = 3;

/// An error without what schedulers put before it.
pub fn without_wrappers(error: &str) -> &str {
    let mut error = error;
    while let Some(rest) = WRAPPERS.iter().find_map(|wrapper| error.strip_prefix(wrapper)) {
        error = rest;
    }
    error
}

/// An error that is short enough for a headline, or the status of HTTP in it; None if it has neither.
pub fn in_short(error: &str) -> Option<String> {
    let error = without_wrappers(error).trim_end_matches('.');
    if error.chars().count() <= MAX_SHORT && !error.is_empty() {
        return Some(error.to_owned());
    }
    status(error)
}

/// `HTTP 400`, if an error has such a status.
pub fn status(error: &str) -> Option<String> {
    let digits = error.split_once(STATUS)?.1;
    let code: String = digits.chars().take_while(char::is_ascii_digit).collect();
    (code.len() == STATUS_DIGITS).then(|| format!("{STATUS}{code}"))
}

/// The channel that refused a message, as in `telegram: 403 Forbidden`.
pub fn refuser(error: &str) -> Option<&str> {
    let (channel, why) = without_wrappers(error).split_once(": ")?;
    let is_word = !channel.is_empty() && channel.chars().all(|c| c.is_ascii_lowercase());
    let is_refusal = ["400 ", "401 ", "403 ", "404 "].iter().any(|code| why.starts_with(code));
    (is_word && is_refusal).then_some(channel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_without_its_wrappers() {
        let wrapped = "Error: Claude Code returned an error result: no such model";
        assert_eq!(without_wrappers(wrapped), "no such model");
        assert_eq!(without_wrappers("an Error: x"), "an Error: x");
    }

    #[test]
    fn a_channel_refuses_messages_by_a_status() {
        assert_eq!(refuser("telegram: 403 Forbidden: bot was blocked by the user"), Some("telegram"));
        assert_eq!(refuser("telegram: 500 Internal Server Error"), None);
        assert_eq!(refuser("slack: timed out"), None);
        assert_eq!(refuser("Bad Request: 400 of 500"), None);
    }

    #[test]
    fn a_long_error_is_told_by_its_status_or_not_at_all() {
        assert_eq!(in_short("Error: timed out.").as_deref(), Some("timed out"));
        let long = "x".repeat(MAX_SHORT);
        assert_eq!(in_short(&long), Some(long.clone()));
        assert_eq!(in_short(&format!("{long}y")), None);
        assert_eq!(in_short(&format!("{long} (HTTP 400).")).as_deref(), Some("HTTP 400"));
        assert_eq!(in_short(&format!("{long} (HTTP 4).")), None);
        assert_eq!(in_short("Error: "), None);
    }
}
