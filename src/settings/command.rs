//! A command of the operator.

/// A command that does nothing, and seems to succeed.
#[derive(Debug, thiserror::Error)]
#[error("is empty, so nobody would be told: give a shell command, or - to print the news")]
pub struct EmptyCommand;

/// Reads a shell command.
///
/// # Errors
/// That it is empty.
pub fn parse_command(text: &str) -> Result<String, EmptyCommand> {
    let is_comment = text.trim_start().starts_with('#');
    if text.trim().is_empty() || is_comment { Err(EmptyCommand) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_tells_nobody_is_refused() {
        for empty in ["", " \t\n", " # mail me"] {
            assert!(parse_command(empty).is_err(), "{empty:?}");
        }
        assert!(parse_command("-").is_ok_and(|command| command == "-"));
    }
}
