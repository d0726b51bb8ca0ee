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
        match word.to_ascii_lowercase().as_slice() {
            b"ok" => Status::Ok,
            b"error" | b"failed" | b"timeout" | b"timed_out" | b"interrupted" => Status::Error,
            b"skipped" => Status::Skipped,
            _ => Status::Unknown,
        }
    }
}
