//! What the README shows is what the binary does: its examples, options and picture.
//!
//! A `console` block is a command after `$` and its output, then perhaps another. `SCHED_AUDIT_BLESS=1` writes outputs and
//! picture anew instead of comparing them.

use crate::tools::{PATH_WITH_BINARY, have};
use crate::{command, run};
use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../../README.md");
const PICTURE: &str = "fixtures/incident.svg";
const FENCE: &str = "```console\n";

fn blessing() -> bool {
    std::env::var_os("SCHED_AUDIT_BLESS").is_some()
}

/// A block in the README, by the first line after its fence.
pub fn block(first_line: &str) -> &'static str {
    let (_, rest) =
        README.split_once(&format!("\n{first_line}\n")).unwrap_or_else(|| panic!("no block {first_line:?}"));
    rest.split_once("\n```").unwrap().0
}

/// What a command of the README prints, run by a shell in a directory that has the fixtures.
fn output_of(line: &str, directory: &Path) -> String {
    let line = line.replace("cargo run --release -- ", "sched-audit ");
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).current_dir(directory).env("PATH", PATH_WITH_BINARY.as_str());
    let output = shell.env("TZ", "UTC").env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_examples_print_what_the_readme_says() {
    let (mut checked, mut written) = (0, README.to_owned());
    for block in README.split(FENCE).skip(1).map(|rest| rest.split_once("```").unwrap().0) {
        let directory = tempfile::tempdir().unwrap();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        std::os::unix::fs::symlink(fixtures, directory.path().join("fixtures")).unwrap();
        if block.contains("jq ") && !have("jq") {
            continue;
        }
        let mut fresh = String::new();
        for example in block.split("$ ").skip(1) {
            let (line, expected) = example.split_once('\n').unwrap();
            let out = output_of(line, directory.path());
            assert!(blessing() || out.trim_end() == expected.trim_end(), "{line}\n{out}");
            fresh += &format!("$ {line}\n{out}");
            checked += 1;
        }
        written = written.replace(&format!("{FENCE}{block}```"), &format!("{FENCE}{fresh}```"));
    }
    if blessing() {
        std::fs::write("README.md", written).unwrap();
    }
    assert!(checked >= 5, "{checked} examples");
}

#[test]
fn the_picture_shows_the_first_example_as_a_terminal_does() {
    let first = README.split(FENCE).nth(1).unwrap().lines().next().unwrap().strip_prefix("$ ").unwrap();
    let arguments = first.strip_prefix("cargo run --release -- ").unwrap();
    let output = command().args(["--color", "always"]).args(arguments.split_whitespace()).output().unwrap();
    let colored = format!("$ sched-audit {arguments}\n{}", String::from_utf8(output.stdout).unwrap());
    let drawn = anstyle_svg::Term::new().palette(anstyle_svg::WIN10_CONSOLE).render_svg(&colored);
    if blessing() {
        std::fs::write(PICTURE, &drawn).unwrap();
    }
    assert!(README.contains(PICTURE));
    assert!(std::fs::read_to_string(PICTURE).unwrap() == drawn, "draw it anew with SCHED_AUDIT_BLESS=1");
}

#[test]
fn every_option_of_the_help_is_in_the_readme_and_every_option_of_the_readme_in_the_help() {
    let help = run(&["--help"]).out;
    let options = |text: &'static str| {
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
            .filter(|word| word.starts_with("--") && word.len() > 2)
    };
    let ours = |option: &&str| help.contains(*option);
    for option in options(Box::leak(help.clone().into_boxed_str())) {
        assert!(README.contains(option), "{option}");
    }
    let commands = README.lines().filter(|line| line.contains("sched-audit --") || line.contains("`--"));
    let foreign = ["--release", "--path", "--locked", "--root", "--target", "--data"];
    for option in commands.flat_map(options).filter(|option| !foreign.contains(option)) {
        assert!(ours(&option), "{option}");
    }
}

#[test]
fn every_key_of_the_json_and_every_metric_is_in_the_readme() {
    let schema: serde_json::Value = serde_json::from_str(&run(&["--generate", "json-schema"]).out).unwrap();
    let objects = std::iter::once(&schema).chain(schema["$defs"].as_object().unwrap().values());
    let keys: Vec<&String> =
        objects.filter_map(|object| object["properties"].as_object()).flat_map(|all| all.keys()).collect();
    assert!(keys.len() > 40);
    for key in keys {
        assert!(README.contains(&format!("`{key}`")), "{key}");
    }
    let metrics = run(&["--format", "prometheus", "fixtures/incident.db"]).out;
    for family in metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" gauge")) {
        assert!(README.contains(&format!("`{family}`")), "{family}");
    }
}

#[test]
fn explain_prints_the_text_of_the_readme_and_suggests_the_nearest_name() {
    let topics: Vec<&str> =
        README.lines().filter_map(|line| line.strip_prefix("- **")?.split_once("**: ")).map(|(name, _)| name).collect();
    assert!(topics.len() >= 15, "{topics:?}");
    for topic in topics {
        let output = command().args(["--explain", topic]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let body = text.lines().nth(1).unwrap_or_else(|| panic!("{topic}: {text}"));
        assert!(README.contains(&format!("- **{topic}**: {body}\n")), "{topic}");
    }
    let wrong = crate::run(&["--explain", "braker-open"]);
    assert!(wrong.code == 3 && wrong.err.contains("did you mean breaker-open?"), "{}", wrong.err);
}
