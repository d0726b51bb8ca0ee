//! What an error is about, as far as its words tell.

/// What a run failed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The provider refused the login or the key.
    Login,
    /// The provider's limit is reached, or it is overloaded.
    Limit,
    /// The provider does not know the model.
    Model,
    /// The provider could not be reached.
    Network,
    /// Something on this machine.
    Local,
}

/// The words of each, in lower case; the first row that fits counts.
const WORDS: &[(Fault, &[&str])] = &[
    (
        Fault::Login,
        &[
            "401",
            "403",
            "api key",
            "api_key",
            "apikey",
            "api-key",
            "authentication",
            "unauthorized",
            "oauth",
            "invalid_grant",
            "log in",
            "login",
            "credentials",
            "token expired",
        ],
    ),
    (
        Fault::Limit,
        &[
            "429",
            "529",
            "overloaded",
            "rate limit",
            "rate_limit",
            "rate-limit",
            "ratelimit",
            "usage limit",
            "quota",
            "billing",
            "credit balance",
            "insufficient credit",
            "too many requests",
        ],
    ),
    (
        Fault::Model,
        &[
            "model not found",
            "model_not_found",
            "unknown model",
            "no such model",
            "invalid model",
            "model does not exist",
        ],
    ),
    (
        Fault::Local,
        &[
            "enoent",
            "eacces",
            "eperm",
            "enospc",
            "erofs",
            "emfile",
            "no such file",
            "permission denied",
            "no space left",
            "disk full",
            "read-only file system",
            "database is locked",
            "sqlite_busy",
            "disk image is malformed",
            "command not found",
            "cannot find module",
            "out of memory",
            "was superseded",
            "adapter",
            "agent harness",
            "is not registered",
            "registered for api",
        ],
    ),
    (
        Fault::Network,
        &[
            "econnrefused",
            "econnreset",
            "enotfound",
            "etimedout",
            "eai_again",
            "getaddrinfo",
            "fetch failed",
            "network",
            "connection refused",
            "socket hang up",
            "unreachable",
            "503",
            "502",
        ],
    ),
];

impl Fault {
    /// What an error is about; None if its words do not tell.
    pub fn of(text: &str) -> Option<Fault> {
        let text = text.to_lowercase();
        let fits = |words: &[&str]| words.iter().any(|word| contains(&text, word));
        WORDS.iter().find(|(_, words)| fits(words)).map(|(fault, _)| *fault)
    }

    /// What to do about it, as the beginning of a step.
    pub fn check(self) -> &'static str {
        match self {
            Fault::Login => "Renew the login or the key of the model's provider, as the error says",
            Fault::Limit => "Wait until the provider's limit is lifted, raise it, or give the jobs another model",
            Fault::Model => "Correct the model's name",
            Fault::Network => "Check the network of this machine and the status of the model's provider",
            Fault::Local => {
                "Read the error: it is about this machine or this version of the scheduler, not about the provider"
            }
        }
    }

    /// What it suggests about jobs that fail together.
    pub fn inferred(self) -> &'static str {
        match self {
            Fault::Login => "the model's provider refuses the login or the key",
            Fault::Limit => "the model's provider is overloaded, or its limit is reached",
            Fault::Model => "the model's name is wrong, or the provider has it no more",
            Fault::Network => "the model's provider can't be reached from here",
            Fault::Local => {
                "something on this machine fails, or this version of the scheduler: not the provider or its key"
            }
        }
    }
}

/// Whether a text has a word; a number only where no digit or letter is next to it.
fn contains(text: &str, word: &str) -> bool {
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return text.contains(word);
    }
    text.split(|c: char| !c.is_alphanumeric()).any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_an_error_tell_what_it_is_about() {
        for (text, fault) in [
            ("401 {\"type\":\"authentication_error\"}", Some(Fault::Login)),
            ("OAuth token has expired, please log in", Some(Fault::Login)),
            ("Error: API Error: 529 overloaded", Some(Fault::Limit)),
            ("unknown model: gpt-oops", Some(Fault::Model)),
            ("connect ECONNREFUSED 10.0.0.1:443", Some(Fault::Network)),
            ("ENOENT: no such file or directory, open '/x'", Some(Fault::Local)),
            ("database is locked", Some(Fault::Local)),
            ("prepared model runtime plugin generation was superseded for /home/user/agent", Some(Fault::Local)),
            ("No API provider registered for api: openai-responses", Some(Fault::Local)),
            ("channel delivery adapter is missing a direct deliverer", Some(Fault::Local)),
            ("Error: Claude Code process exited with code 1", None),
            ("job 4013 failed after 1401 ms", None),
            ("", None),
        ] {
            assert_eq!(Fault::of(text), fault, "{text}");
        }
    }
}
