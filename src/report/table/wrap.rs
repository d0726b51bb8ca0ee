//! Lines of at most some width, broken at spaces.

use crate::text::NO_BREAK;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The lines of a text. A word that is longer than a line is broken where the line ends.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let used = lines.last().map_or(0, |line| line.width());
        if used > 0 && used + 1 + word.width() > width {
            lines.push(String::new());
        } else if used > 0 {
            push(&mut lines, ' ', width);
        }
        word.chars().for_each(|character| push(&mut lines, character, width));
    }
    lines.into_iter().map(|line| line.replace(NO_BREAK, " ")).collect()
}

fn push(lines: &mut Vec<String>, character: char, width: usize) {
    let wide = character.width().unwrap_or(0);
    match lines.last_mut() {
        Some(line) if line.width() + wide <= width => line.push(character),
        _ => lines.push(character.to_string()),
    }
}

/// A text with spaces up to a width.
pub fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// A text with spaces before it up to a width.
pub fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(text.width())))
}

/// A text cut to a width, its end as the `ellipsis`.
pub fn cut(text: &str, width: usize, ellipsis: &str) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        if kept.width() + character.width().unwrap_or(0) + ellipsis.width() > width {
            break;
        }
        kept.push(character);
    }
    kept + ellipsis
}

/// A text without its middle, so that it has at most this width: the end of a path says more than its middle.
pub fn without_middle(text: &str, width: usize, ellipsis: &str) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(ellipsis.width());
    let begin: String = text.chars().take(room / 4).collect();
    let all = text.chars().count();
    let end: String = text.chars().skip(all.saturating_sub(room - begin.chars().count())).collect();
    format!("{begin}{ellipsis}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces_but_not_within_a_time() {
        assert_eq!(wrap("failed from 04-29\u{a0}05:00 on", 16), ["failed from", "04-29 05:00 on"]);
        assert_eq!(wrap("", 16), [""]);
        assert_eq!(wrap("a  b", 16), ["a b"]);
    }

    #[test]
    fn a_word_that_fits_no_line_is_broken() {
        assert_eq!(wrap("an abcdefghij", 4), ["an", "abcd", "efgh", "ij"]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
    }

    #[test]
    fn what_is_too_long_is_cut_or_loses_its_middle() {
        assert_eq!((cut("heartbeat", 9, "…"), cut("heartbeat", 6, "…")), ("heartbeat".to_owned(), "heart…".to_owned()));
        assert_eq!(without_middle("/srv/agents/one/phantom.db", 15, "…"), "/sr…/phantom.db");
        assert_eq!((padded("ab", 3), right("ab", 3)), ("ab ".to_owned(), " ab".to_owned()));
    }
}
