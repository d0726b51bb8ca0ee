//! What packages ship beside the binary, from the same definitions: completions, the man page, the schema of the JSON.

use crate::cli::{Cli, Generate};
use crate::report::json;
use clap::CommandFactory;
use clap_complete::Shell;

/// The text of one of them.
///
/// # Errors
/// Why it can't be made.
pub fn generate(what: Generate) -> Result<String, String> {
    let shell = match what {
        Generate::CompleteBash => Shell::Bash,
        Generate::CompleteZsh => Shell::Zsh,
        Generate::CompleteFish => Shell::Fish,
        Generate::Man => return man(),
        Generate::JsonSchema => return Ok(json::schema()),
    };
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), env!("CARGO_PKG_NAME"), &mut bytes);
    text(bytes)
}

fn man() -> Result<String, String> {
    let mut bytes = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .title("SCHED-AUDIT")
        .source(concat!("sched-audit ", env!("CARGO_PKG_VERSION")))
        .manual("User Commands")
        .render(&mut bytes)
        .map_err(|error| format!("the man page can't be made: {error}"))?;
    text(bytes)
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| format!("it is not UTF-8: {error}"))
}
