//! What to type instead: a file that can't be read is looked through for the mistakes that people make.

use super::schema;
use crate::settings::{THRESHOLDS, Value as Setting, nearest};
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The tables that are written in double brackets, with what each may be called by mistake.
const TABLES: [&str; 3] = ["job", "mute", "store"];
/// Keys that people take for others, in the table of that name.
const SYNONYMS: [(&str, &str, &str); 13] = [
    ("job", "name", "match"),
    ("job", "id", "match"),
    ("job", "job", "match"),
    ("job", "pattern", "match"),
    ("mute", "match", "job"),
    ("mute", "name", "job"),
    ("mute", "pattern", "job"),
    ("mute", "problem", "cause"),
    ("mute", "detector", "cause"),
    ("mute", "end", "until"),
    ("mute", "ends", "until"),
    ("mute", "expires", "until"),
    ("mute", "comment", "reason"),
];

/// How the value of a key is written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Text,
    List,
    Flag,
    Number,
    /// A table in double brackets.
    Tables,
    /// Not for this module to judge.
    Other,
}

/// A key of a table.
struct Known {
    name: String,
    form: Form,
    /// A value, as it is written.
    example: String,
}

/// A mistake, and what to type instead.
struct Mistake {
    place: Range<usize>,
    said: String,
}

/// What is wrong with a file that the parser refuses, better than the parser says it; `at` is where that stopped.
pub fn explain(text: &str, at: Option<Range<usize>>, message: &str) -> String {
    let message = message.lines().next().unwrap_or_default();
    let line = at.as_ref().map_or("", |at| line_around(text, at.start));
    let Ok(file) = DeTable::parse(text) else { return of_syntax(line, message) };
    let mistakes = in_file(file.get_ref());
    let is_here = |mistake: &&Mistake| {
        at.as_ref().is_none_or(|at| line_number(text, mistake.place.start) == line_number(text, at.start))
    };
    if let Some(mistake) = mistakes.iter().find(is_here) {
        return mistake.said.clone();
    }
    match key_of(line) {
        Some(key) => format!("{key}: {message}"),
        None => message.to_owned(),
    }
}

/// What is wrong with a line that is no TOML.
fn of_syntax(line: &str, message: &str) -> String {
    if line.contains(['“', '”', '„', '‘', '’']) {
        return format!("{message}: use straight quotes, as in {}", straightened(line));
    }
    let (key, value) = match (line.split_once('='), line.split_once(':')) {
        (Some((key, value)), _) => (key.trim(), value.trim()),
        (None, Some((key, value))) => {
            let (key, value) = (key.trim(), value.trim());
            return format!("{message}: write {key} = {}", quoted(value));
        }
        (None, None) => return message.to_owned(),
    };
    if message.starts_with("duplicate key") {
        return format!("{key} is set twice: keep one of them");
    }
    if message.starts_with("string values must be quoted") && !value.starts_with(['"', '\'']) {
        let right = if value.starts_with('[') { "[\"...\"]".to_owned() } else { quoted(value) };
        return format!("{message}: write {key} = {right}");
    }
    if message.starts_with("invalid basic string") {
        return format!("{key}: the quotes are not closed: write {key} = {}", quoted(value));
    }
    format!("{key}: {message}")
}

/// The mistakes of a file, in its order.
fn in_file(file: &DeTable<'_>) -> Vec<Mistake> {
    let schema = schema();
    let mut mistakes = in_table(file, None, &known(&schema));
    for name in TABLES {
        let known = known(&schema["$defs"][format!("{}Keys", capitalized(name))]);
        let Some(DeValue::Array(tables)) = file.get(name).map(Spanned::get_ref) else { continue };
        for table in tables.iter() {
            if let DeValue::Table(keys) = table.get_ref() {
                mistakes.extend(in_table(keys, Some(name), &known));
                mistakes.extend(without_required(table.span(), keys, name, &known));
            }
        }
    }
    mistakes.sort_by_key(|mistake| mistake.place.start);
    mistakes
}

/// The keys of a table of the schema; the thresholds are beside `quiet`.
fn known(schema: &serde_json::Value) -> Vec<Known> {
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let of_schema = |(name, about): (&String, &serde_json::Value)| Known {
        name: name.clone(),
        form: if TABLES.contains(&name.as_str()) && about["examples"].is_null() { Form::Tables } else { form(about) },
        example: toml::Value::deserialize(&about["examples"][0])
            .map_or_else(|_| String::new(), |value| value.to_string()),
    };
    let mut keys: Vec<Known> = properties.iter().map(of_schema).collect();
    if properties.contains_key(super::BESIDE_THRESHOLDS) {
        keys.extend(THRESHOLDS.iter().map(|threshold| {
            let (form, example) = match threshold.default {
                Setting::Duration(_) => (Form::Text, format!("{:?}", threshold.example)),
                Setting::Count(_) | Setting::Cadences(_) => (Form::Number, threshold.example.to_owned()),
            };
            Known { name: threshold.key.to_owned(), form, example }
        }));
    }
    keys
}

fn form(about: &serde_json::Value) -> Form {
    match about["type"].as_str() {
        Some("string") => Form::Text,
        Some("array") => Form::List,
        Some("boolean") => Form::Flag,
        Some("integer" | "number") => Form::Number,
        _ => Form::Other,
    }
}

/// The mistakes in the keys of one table.
fn in_table(keys: &DeTable<'_>, table: Option<&str>, known: &[Known]) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for (name, value) in keys.iter() {
        let said = match known.iter().find(|known| known.name == *name.get_ref()) {
            Some(known) => instead(known, table, value.get_ref()),
            None => Some(unknown(name.get_ref(), table, known, value.get_ref())),
        };
        // A header is where its key is, and not where its values are.
        let is_header = matches!(value.get_ref(), DeValue::Table(_));
        let place = if is_header { name.span() } else { value.span() };
        mistakes.extend(said.map(|said| Mistake { place, said }));
    }
    mistakes
}

/// That a table lacks a key that it needs.
fn without_required(place: Range<usize>, keys: &DeTable<'_>, table: &str, known: &[Known]) -> Option<Mistake> {
    let required: &[&str] = match table {
        "job" => &["match"],
        "store" => &["name", "tables", "jobs"],
        _ => &[],
    };
    let is_there = |key: &str| keys.iter().any(|(name, _)| name.get_ref() == key);
    let missing = required.iter().find(|key| !is_there(key))?;
    let known = known.iter().find(|known| known.name == **missing)?;
    Some(Mistake { place, said: format!("a [[{table}]] needs {missing}: write {missing} = {}", known.example) })
}

/// What to type instead of a key that does not exist.
fn unknown(name: &str, table: Option<&str>, known: &[Known], value: &DeValue<'_>) -> String {
    let place = table.map_or_else(String::new, |table| format!(" in a [[{table}]]"));
    let said = format!("unknown key {name:?}{place}");
    if let Some(table) = table {
        let synonym = SYNONYMS.iter().find(|(of, wrong, _)| *of == table && *wrong == name);
        if let Some((.., right)) = synonym {
            return format!("{said}: write {right} = {}", written(value).unwrap_or_else(|| "...".to_owned()));
        }
        if self::known(&schema()).iter().any(|known| known.name == name) {
            return format!("{said}: it is for the whole file, write it above the first [[{table}]]");
        }
    }
    if table.is_none() && matches!(value, DeValue::Table(_)) && THRESHOLDS.iter().any(|one| has_key(value, one.key)) {
        return format!("{said}: thresholds are in no table, write them without [{name}] and above the first [[job]]");
    }
    match nearest(name, known.iter().map(|known| known.name.as_str())) {
        Some(near) if TABLES.contains(&near) && table.is_none() => format!("{said}; did you mean [[{near}]]?"),
        Some(near) => format!("{said}; did you mean {near:?}?"),
        None => format!("{said}; sched-audit --generate config-keys lists all of them"),
    }
}

fn has_key(value: &DeValue<'_>, key: &str) -> bool {
    match value {
        DeValue::Table(table) => table.iter().any(|(name, _)| name.get_ref() == key),
        _ => false,
    }
}

/// What to type instead of a value of the wrong form; None if the form is right.
fn instead(known: &Known, table: Option<&str>, value: &DeValue<'_>) -> Option<String> {
    let Known { name, form, example } = known;
    let (what, right) = match (form, value) {
        (Form::Text, DeValue::String(_))
        | (Form::List, DeValue::Array(_))
        | (Form::Flag, DeValue::Boolean(_))
        | (Form::Number, DeValue::Integer(_) | DeValue::Float(_))
        | (Form::Other, _) => return None,
        (Form::Tables, DeValue::Array(tables))
            if tables.iter().all(|one| matches!(one.get_ref(), DeValue::Table(_))) =>
        {
            return None;
        }
        (Form::Tables, DeValue::Table(_)) => {
            return Some(format!("[{name}] stands in double brackets, because there can be several: write [[{name}]]"));
        }
        (Form::Tables, _) => {
            return Some(format!("{name} is a table of its own: write [[{name}]], and its keys in the lines below it"));
        }
        (Form::Text, DeValue::Integer(number)) if is_duration(example) => {
            ("is text with a unit", format!("\"{}{}\"", number.as_str(), usual_unit(name)))
        }
        (Form::Text, DeValue::Datetime(time)) => ("is text in quotes", format!("\"{time}\"")),
        (Form::Text, DeValue::Array(_)) if name == "match" => {
            return Some(format!("match is one pattern: write match = {example}, or a [[job]] for each"));
        }
        (Form::Text, _) => ("is text in quotes", example.clone()),
        // One window of hours need not be a list.
        (Form::List, DeValue::String(_)) if name == "quiet" => return None,
        (Form::List, DeValue::String(one)) => ("is a list", format!("[{:?}]", one.as_ref())),
        (Form::List, _) => ("is a list", example.clone()),
        (Form::Flag, DeValue::String(word)) => {
            let is_no = ["false", "no", "off", "0", ""].contains(&word.to_lowercase().as_str());
            ("is true or false, without quotes", (!is_no).to_string())
        }
        (Form::Flag, _) => ("is true or false", example.clone()),
        (Form::Number, DeValue::String(text)) if text.parse::<f64>().is_ok() => {
            ("is a number, without quotes", text.trim().to_owned())
        }
        (Form::Number, _) => ("is a number", example.clone()),
    };
    // A list of all jobs in the file is a flag in the rule of one.
    let place = table.map_or_else(String::new, |table| format!(" in a [[{table}]]"));
    Some(format!("{name}{place} {what}: write {name} = {right}"))
}

fn is_duration(example: &str) -> bool {
    humantime::parse_duration(example.trim_matches('"')).is_ok()
}

/// The unit in which a number of this key was most likely meant.
fn usual_unit(key: &str) -> &'static str {
    match key {
        "timeout" => "s",
        "since" => "d",
        "remind" => "h",
        _ => "m",
    }
}

/// A value as it may be written; None for a table.
fn written(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(format!("{:?}", text.as_ref())),
        DeValue::Integer(number) => Some(format!("\"{}\"", number.as_str())),
        DeValue::Datetime(time) => Some(format!("\"{time}\"")),
        _ => None,
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The text of a value in quotes, without a comment behind it.
fn quoted(value: &str) -> String {
    let value = value.split(" #").next().unwrap_or_default().trim();
    format!("\"{}\"", value.trim_matches(['"', '\'', ',']))
}

fn straightened(line: &str) -> String {
    line.replace(['“', '”', '„', '‘', '’'], "\"").trim().to_owned()
}

/// The key of a line, if it has one.
fn key_of(line: &str) -> Option<&str> {
    let key = line.split_once('=')?.0.trim();
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (!key.is_empty() && key.chars().all(is_bare)).then_some(key)
}

fn line_around(text: &str, at: usize) -> &str {
    text.lines().nth(line_number(text, at) - 1).unwrap_or_default()
}

/// The line of a byte, counted from 1.
pub fn line_number(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}
