//! Every example of the README is run: a `console` block is a command after `$` and its output, then perhaps another.

use crate::command;

const README: &str = include_str!("../../README.md");
const CARGO: &str = "cargo run --release -- ";

#[test]
fn the_examples_print_what_the_readme_says() {
    let mut checked = 0;
    for block in README.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for example in block.split("$ ").skip(1) {
            let (line, expected) = example.split_once('\n').unwrap();
            let line =
                line.strip_prefix(CARGO).or(line.strip_prefix("sched-audit ")).unwrap_or_else(|| panic!("{line}"));
            let output = command().args(line.split_whitespace()).output().unwrap();
            let out = String::from_utf8(output.stdout).unwrap();
            assert_eq!(out.trim_end(), expected.trim_end(), "{line}");
            checked += 1;
        }
    }
    assert!(checked >= 2, "{checked} examples");
}

#[test]
fn every_option_of_the_help_is_in_the_readme() {
    let help = String::from_utf8(command().arg("--help").output().unwrap().stdout).unwrap();
    for option in help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2) {
        let option = option.trim_end_matches([',', '.']);
        assert!(README.contains(option), "{option}");
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
