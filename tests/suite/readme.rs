//! What the documentation shows is what the binary does: the README's examples and picture, and docs/ where it is generated.
//!
//! A `console` block is a command after `$` and its output, then perhaps another. `cargo xtask bless` sets
//! SCHED_AUDIT_BLESS, which writes outputs, picture and generated documents anew instead of comparing them.

use crate::tools::{PATH_WITH_BINARY, have};
use crate::{command, run};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../../README.md");
const PICTURE: &str = "fixtures/incident.svg";
/// How anstyle-svg dims.
const DIM: &str = ".dimmed { opacity: 0.4; }";
const FENCE: &str = "```console\n";

fn blessing() -> bool {
    std::env::var_os("SCHED_AUDIT_BLESS").is_some()
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
    assert!(checked >= 4, "{checked} examples");
}

/// Lines as a terminal of this width breaks them. Escape sequences take no place.
fn wrap(text: &str, width: usize) -> String {
    let (mut wrapped, mut column, mut escape) = (String::new(), 0, false);
    for character in text.chars() {
        escape |= character == '\x1b';
        if character == '\n' {
            column = 0;
        } else if !escape && column == width {
            wrapped.push('\n');
            column = 1;
        } else if !escape {
            column += 1;
        }
        escape &= character != 'm';
        wrapped.push(character);
    }
    wrapped
}

#[test]
fn readme_picture_is_up_to_date() {
    let first = README.split(FENCE).nth(1).unwrap().lines().next().unwrap().strip_prefix("$ ").unwrap();
    let arguments = first.strip_prefix("cargo run --release -- ").unwrap();
    let output = command().args(["--color", "always"]).args(arguments.split_whitespace()).output().unwrap();
    let colored = format!("$ sched-audit {arguments}\n{}", String::from_utf8(output.stdout).unwrap());
    let colored = wrap(&colored, 80);
    let drawn = anstyle_svg::Term::new().palette(anstyle_svg::WIN10_CONSOLE).render_svg(&colored);
    assert!(drawn.contains(DIM));
    // No terminal makes dim text so dark.
    let drawn = drawn.replace(DIM, ".dimmed { opacity: 0.7; }");
    if blessing() {
        std::fs::write(PICTURE, &drawn).unwrap();
    }
    assert!(README.contains(PICTURE));
    let width = drawn.strip_prefix("<svg width=\"").and_then(|rest| rest.split_once("px")).unwrap().0;
    assert!(width.parse::<u32>().unwrap() <= 800, "{width}: GitHub would shrink it");
    assert!(std::fs::read_to_string(PICTURE).unwrap() == drawn, "draw it anew with cargo xtask bless");
}

#[test]
fn the_readme_is_short_enough_to_be_read() {
    assert!(README.len() <= 10_240, "{} bytes", README.len());
}

/// A document that must be what the binary, or the schema that it prints, says.
fn check_document(path: &str, text: &str) {
    if blessing() {
        std::fs::write(path, text).unwrap();
    }
    let known = std::fs::read_to_string(path).unwrap_or_default();
    assert!(known == text, "{path} is out of date: write it anew with cargo xtask bless");
}

#[test]
fn generated_documents_are_up_to_date() {
    check_document("docs/findings.md", &run(&["--generate", "findings"]).out);
    check_document("docs/sched-audit.1", &run(&["--generate", "man"]).out);
    check_document("docs/json.md", &json_tables());
    check_document("docs/config.md", &run(&["--generate", "config-keys"]).out);
    check_document("docs/options.md", &run(&["--generate", "options"]).out);
}

/// Objects whose keys have a table each; those of the others are listed, and the schema says what they mean.
const MAIN_OBJECTS: [&str; 5] = ["Report", "Database", "Incident", "Finding", "Job"];

/// The keys of the JSON, from the schema.
fn json_tables() -> String {
    let schema: Value = serde_json::from_str(&run(&["--generate", "json-schema"]).out).unwrap();
    let mut text = "# JSON\n\nMade from `sched-audit --generate json-schema`, which validates it. `--format json` prints one `Report`; \
        `--format ndjson` prints an object a line, an incident, something that could not be audited, or quiet hours, told apart by `kind`.\n\n\
        Instants are RFC 3339 in UTC. A program should ignore keys that it does not know and refuse a `schema_version` above the \
        one that it was written for.\n"
        .to_owned();
    let defs = schema["$defs"].as_object().unwrap();
    for name in MAIN_OBJECTS {
        let object = if name == "Report" { &schema } else { &defs[name] };
        text += &format!("\n## {name}\n\n{}\n\n| key | type | meaning |\n|---|---|---|\n", description(object));
        for (key, value) in object["properties"].as_object().unwrap() {
            text += &format!("| `{key}` | {} | {} |\n", type_of(value, defs), description(value));
        }
    }
    text += "\n## Others\n\n| object | meaning | keys |\n|---|---|---|\n";
    for (name, object) in defs.iter().filter(|(name, _)| !MAIN_OBJECTS.contains(&name.as_str())) {
        let Some(properties) = object["properties"].as_object() else { continue };
        let keys = properties.iter().map(|(key, value)| format!("`{key}`: {}", type_of(value, defs)));
        text += &format!("| {name} | {} | {} |\n", description(object), keys.collect::<Vec<_>>().join("; "));
    }
    text
}

fn description(of: &Value) -> String {
    of["description"].as_str().unwrap_or_default().replace('\n', " ")
}

fn type_of(value: &Value, defs: &serde_json::Map<String, Value>) -> String {
    if let Some(name) = value["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        let values = defs[name]["oneOf"].as_array().or(defs[name]["enum"].as_array());
        let names = values
            .map(|values| values.iter().filter_map(|one| one["const"].as_str().or(one.as_str())).collect::<Vec<_>>());
        return match names {
            Some(names) if !names.is_empty() => {
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            }
            _ if name == "Instant" => "instant".to_owned(),
            _ => name.to_owned(),
        };
    }
    if let Some(any) = value["anyOf"].as_array() {
        return any.iter().map(|one| type_of(one, defs)).collect::<Vec<_>>().join(" or ");
    }
    match &value["type"] {
        Value::String(one) if one == "array" => format!("list of {}", type_of(&value["items"], defs)),
        Value::String(one) => one.clone(),
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    }
}

#[test]
fn every_name_can_be_explained() {
    let document = std::fs::read_to_string("docs/findings.md").unwrap();
    let names: Vec<&str> = document.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert!(names.len() >= 35, "{names:?}");
    for name in names {
        let told = run(&["--explain", name]);
        assert!(
            told.code == 0 && told.out.starts_with(&format!("{name}, ")) && told.out.contains("\nFix: "),
            "{}",
            told.out
        );
    }
    assert!(run(&["--explain", "gap"]).out.contains("job-silent"));
    let wrong = run(&["--explain", "braker-open"]);
    assert!(wrong.code == 3 && wrong.err.contains("a similar value exists: 'breaker-open'"), "{}", wrong.err);
}

#[test]
fn document_links_resolve() {
    for document in [
        "README.md",
        "contrib/README.md",
        "docs/scheduler.md",
        "docs/development.md",
        "docs/thresholds.md",
        "docs/openclaw.md",
        "docs/install.md",
        "docs/hosts.md",
        "docs/process.md",
        "CONTRIBUTING.md",
        "fixtures/README.md",
    ] {
        let text = std::fs::read_to_string(document).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        for link in links.filter(|link| !link.starts_with("http")) {
            let target = Path::new(document).parent().unwrap().join(link.split('#').next().unwrap());
            assert!(target.exists(), "{document}: {link}");
        }
    }
}
