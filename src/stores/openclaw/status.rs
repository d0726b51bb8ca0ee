//! The words for how a run ended.

/// How a run ended, in a word of the scheduler or of one of its versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It ended well.
    Ok,
    /// It failed.
    Error,
    /// It was skipped.
    Skipped,
    /// The word is not known.
    Unknown,
}

impl Status {
    /// What a word means, in whatever case.
    pub fn of(word: &[u8]) -> Status {
        let is_one_of = |known: &[&str]| known.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()));
        if is_one_of(&["ok"]) {
            Status::Ok
        } else if is_one_of(&["error", "failed", "timeout", "timed_out", "interrupted"]) {
            Status::Error
        } else if is_one_of(&["skipped"]) {
            Status::Skipped
        } else {
            Status::Unknown
        }
    }
}
