//! The JSON by its schema, as a validator sees it that knows nothing of us: python's jsonschema, skipped where it is not installed.

use crate::formats::hostile;
use crate::mapped_real::{has_module, python};
use crate::{INCIDENT, run};
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};

const MODULES: &str = "jsonschema, rfc3339_validator";

/// The schema of a report, as the binary prints it.
fn schema() -> Value {
    let schema: Value = serde_json::from_str(&run(&["--generate", "json-schema"]).out).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    schema
}

/// That of a line of ndjson.
fn schema_of_line() -> Value {
    let mut schema = schema();
    let root = schema.as_object_mut().unwrap();
    root.retain(|key, _| key.starts_with('$'));
    root.insert("$ref".to_owned(), "#/$defs/Line".into());
    schema
}

/// The same schema without room for more: to a reader an unknown key is no error, here it is.
fn closed(mut schema: Value) -> Value {
    close(&mut schema);
    schema
}

fn close(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object.contains_key("properties") && object.get("type") == Some(&"object".into()) {
                object.insert("unevaluatedProperties".to_owned(), false.into());
            }
            object.iter_mut().filter(|(key, _)| *key != "evidence").for_each(|(_, value)| close(value));
        }
        Value::Array(array) => array.iter_mut().for_each(close),
        _ => {}
    }
}

/// What is wrong with each of these documents; nothing about one that is valid.
fn wrong(schema: &Value, documents: &[Value]) -> Vec<String> {
    let mut validator = Command::new(python())
        .args(["-B", "tests/validate_json.py"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<String> = std::iter::once(schema).chain(documents).map(|value| format!("{value}\n")).collect();
    let mut stdin = validator.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.concat().as_bytes()));
    let output = validator.wait_with_output().unwrap();
    assert!(output.status.success() && writer.join().unwrap().is_ok());
    let answers: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), documents.len());
    answers
}

/// Expects the report and the lines of each call to be valid.
fn check(calls: &[&[&str]]) {
    let of = |format: &str, arguments: &[&str]| run(&[&["--format", format], arguments].concat());
    let reports: Vec<Value> = calls.iter().map(|arguments| of("json", arguments).json()).collect();
    for (why, arguments) in wrong(&closed(schema()), &reports).iter().zip(calls) {
        assert_eq!(why, "", "{arguments:?}");
    }
    let lines: Vec<Value> = calls
        .iter()
        .flat_map(|arguments| {
            let out = of("ndjson", arguments).out;
            out.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
        })
        .collect();
    for (why, line) in wrong(&closed(schema_of_line()), &lines).iter().zip(&lines) {
        assert_eq!(why, "", "{line}");
    }
}

#[test]
fn the_json_of_every_fixture_failure_and_hostile_text_is_valid_by_the_schema() {
    if !has_module(MODULES) {
        return;
    }
    let hostile = hostile();
    let hostile = hostile.path.to_str().unwrap();
    let at = |now| ["--timezone", "UTC", "--now", now, "--recursive", "fixtures", "no/such.db", hostile];
    let [early, now, late] = ["2026-03-04T12:00:00Z", "2026-04-30T12:00:00Z", "2030-01-01T00:00:00.5+01:00"].map(at);
    check(&[&early, &late, &[&now[..], &["--job", "*", "--history"]].concat(), &["--now", "yesterday"]]);
}

#[test]
fn schema_refuses_other_shapes() {
    if !has_module(MODULES) {
        return;
    }
    let json = run(&[&["--format", "json"], &INCIDENT[..]].concat()).json();
    let mut others = Vec::new();
    for (pointer, odd) in [
        ("/severity", Value::from("bad")),
        ("/findings/0/severity", Value::Null),
        ("/findings/0/since", Value::from("yesterday")),
        ("/incidents/0/cause", Value::from("bad luck")),
        ("/incidents/0/since", Value::from("yesterday")),
        ("/findings/0/problem", Value::from("overslept")),
        ("/databases/0/jobs/0/slots/marks", Value::from(1)),
        ("/databases/0/jobs", Value::Null),
    ] {
        let mut changed = json.clone();
        *changed.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = odd;
        others.push((pointer, changed));
    }
    for (object, key) in [("", "error"), ("/findings/0", "until"), ("/databases/0/jobs/0", "next_slot")] {
        let mut changed = json.clone();
        changed.pointer_mut(object).unwrap().as_object_mut().unwrap().remove(key).unwrap();
        others.push((key, changed));
    }
    let mut added = json.clone();
    added["databases"][0]["surprise"] = Value::from(1);
    others.push(("surprise", added));
    let documents: Vec<Value> = others.iter().map(|(_, changed)| changed.clone()).collect();
    for (why, (what, _)) in wrong(&closed(schema()), &documents).iter().zip(&others) {
        assert_ne!(why, "", "{what}");
    }
    assert_ne!(wrong(&closed(schema_of_line()), &[json]), [""]);
}
