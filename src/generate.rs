//! What packages ship beside the binary, from the same definitions: completions, the man page, the schema of the JSON.

use crate::cli::{Cli, Generate};
use crate::explain;
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
        Generate::Findings => return Ok(explain::markdown()),
    };
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), env!("CARGO_PKG_NAME"), &mut bytes);
    text(bytes)
}

/// The man page: clap's own part, then the parts that clap would wrap into paragraphs.
fn man() -> Result<String, String> {
    let command = Cli::command().after_help("");
    let after = Cli::command().get_after_help().map(ToString::to_string).unwrap_or_default();
    let (examples, status) = after.split_once("Exit status:").unwrap_or((&after, ""));
    let mut bytes = Vec::new();
    let man = clap_mangen::Man::new(command)
        .title("SCHED-AUDIT")
        .source(concat!("sched-audit ", env!("CARGO_PKG_VERSION")))
        .manual("User Commands");
    let failed = |error: std::io::Error| format!("the man page can't be made: {error}");
    man.render_title(&mut bytes).map_err(failed)?;
    man.render_name_section(&mut bytes).map_err(failed)?;
    man.render_synopsis_section(&mut bytes).map_err(failed)?;
    man.render_description_section(&mut bytes).map_err(failed)?;
    man.render_options_section(&mut bytes).map_err(failed)?;
    let mut page = text(bytes)?;
    page += &section("EXIT STATUS", status);
    page += &section("EXAMPLES", examples.trim_start_matches("Examples:"));
    Ok(page)
}

/// A section whose lines are kept as they are.
fn section(title: &str, lines: &str) -> String {
    let escaped = lines.trim_matches('\n').replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
    format!(".SH \"{title}\"\n.nf\n{escaped}\n.fi\n")
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| format!("it is not UTF-8: {error}"))
}
