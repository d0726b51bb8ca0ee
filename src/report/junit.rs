//! The report as test results: a database is a suite, a job is a test case, in the form that Jenkins, GitLab, and others read
//! (<https://github.com/testmoapp/junitxml>).

use super::content::{Audited, Database, Report, error_in_a_sentence, fix_in_a_line, utc_minute, when};
use super::sanitize;
use crate::audit::{About, Finding, Incident};
use crate::model::JobIndex;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use std::collections::HashMap;
use std::io::{Result, Write};

const MAX_NAME_LEN: usize = 120;
const MAX_TEXT_LEN: usize = 2000;

/// Writes the whole report as XML.
///
/// # Errors
/// Why it can't be written.
pub fn render(report: &Report, out: &mut dyn Write) -> Result<()> {
    Xml(Writer::new_with_indent(&mut *out, b' ', 2)).report(report)?;
    out.write_all(b"\n")
}

struct Xml<'o>(Writer<&'o mut dyn Write>);

impl Xml<'_> {
    fn report(mut self, report: &Report) -> Result<()> {
        self.0.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let took = format!("{:.3}", report.took.as_secs_f64());
        self.open("testsuites", &[("name", "sched-audit"), ("time", &took)])?;
        match &report.databases {
            Err(error) => self.unread_suite("sched-audit", &error.to_string())?,
            Ok(databases) => databases.iter().try_for_each(|database| self.suite(report, database))?,
        }
        self.close("testsuites")
    }

    fn suite(&mut self, report: &Report, database: &Database) -> Result<()> {
        let path = sanitize::path(&database.path, MAX_NAME_LEN);
        let audited = match &database.outcome {
            Ok(audited) => audited,
            Err(error) => return self.unread_suite(&path, &error.to_string()),
        };
        let cases = cases(audited, report);
        let count = |which: fn(&Case<'_>) -> bool| cases.iter().filter(|case| which(case)).count().to_string();
        let (failures, skipped) = (count(|case| case.fails), count(|case| case.skipped.is_some()));
        let time = report.now.to_string();
        let time = time.trim_end_matches('Z');
        self.open(
            "testsuite",
            &[
                ("name", &path),
                ("tests", &cases.len().to_string()),
                ("failures", &failures),
                ("errors", "0"),
                ("skipped", &skipped),
                ("timestamp", time),
            ],
        )?;
        if let Some(quiet) = audited.quiet_in_words() {
            self.open("properties", &[])?;
            self.open("property", &[("name", "quiet"), ("value", &quiet)])?;
            self.close("property")?;
            self.close("properties")?;
        }
        for case in &cases {
            self.case(&path, case)?;
        }
        self.close("testsuite")
    }

    fn case(&mut self, path: &str, case: &Case<'_>) -> Result<()> {
        let descriptions: Vec<String> = case.incidents.iter().map(|incident| describe(incident)).collect();
        self.open("testcase", &[("classname", path), ("name", &case.name)])?;
        if case.fails {
            let (cause, headline) = case.incidents.first().map_or_else(Default::default, |worst| {
                (worst.cause.name(), sanitize::text(&worst.headline.to_string(), MAX_NAME_LEN))
            });
            self.open("failure", &[("type", &cause), ("message", &headline)])?;
            self.text(&descriptions.join("\n"))?;
            self.close("failure")?;
        } else if let Some(why) = case.skipped {
            self.open("skipped", &[("message", why)])?;
            self.close("skipped")?;
        } else if !descriptions.is_empty() {
            self.open("system-out", &[])?;
            self.text(&descriptions.join("\n"))?;
            self.close("system-out")?;
        }
        self.close("testcase")
    }

    fn unread_suite(&mut self, path: &str, why: &str) -> Result<()> {
        self.open(
            "testsuite",
            &[("name", path), ("tests", "1"), ("failures", "0"), ("errors", "1"), ("skipped", "0")],
        )?;
        self.open("testcase", &[("classname", path), ("name", "could be audited")])?;
        self.open("error", &[("type", "could-not-audit"), ("message", &sanitize::text(why, MAX_TEXT_LEN))])?;
        self.close("error")?;
        self.close("testcase")?;
        self.close("testsuite")
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &str)]) -> Result<()> {
        let start = BytesStart::new(name).with_attributes(attributes.iter().copied());
        self.0.write_event(Event::Start(start))
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.0.write_event(Event::Text(BytesText::new(text)))
    }

    fn close(&mut self, name: &str) -> Result<()> {
        self.0.write_event(Event::End(BytesEnd::new(name)))
    }
}

/// A test case: a job, or what has incidents without being one.
struct Case<'a> {
    name: String,
    /// Why it is not watched, if it does not fail.
    skipped: Option<&'static str>,
    fails: bool,
    /// The worst first.
    incidents: Vec<&'a Incident>,
}

/// The selected jobs, then an incident each that is about no job.
fn cases<'a>(audited: &'a Audited, report: &Report) -> Vec<Case<'a>> {
    let mut incidents = incidents_by_job(audited);
    let mut cases = Vec::new();
    for (position, job) in audited.verdict.jobs.iter().enumerate().filter(|(_, job)| job.selected) {
        let fails = report.fail_on.code(job.severity) > 0;
        let skipped = if fails || job.job.state.is_watched() { None } else { Some(job.job.state.word()) };
        let name = sanitize::text(job.job.label(), MAX_NAME_LEN);
        let incidents = incidents.remove(&JobIndex::at(position)).unwrap_or_default();
        cases.push(Case { name, skipped, fails, incidents });
    }
    for incident in &audited.verdict.incidents {
        let Some(finding) = incident.findings.first() else { continue };
        let name = match &finding.about {
            About::Scheduler => "the scheduler".to_owned(),
            About::Pattern(pattern) => sanitize::text(pattern, MAX_NAME_LEN),
            About::Job(_) => continue,
        };
        let fails = report.fail_on.code(incident.severity) > 0;
        cases.push(Case { name, skipped: None, fails, incidents: vec![incident] });
    }
    cases
}

/// The incidents that have a finding of each job, the worst first.
fn incidents_by_job(audited: &Audited) -> HashMap<JobIndex, Vec<&Incident>> {
    let mut incidents: HashMap<JobIndex, Vec<&Incident>> = HashMap::new();
    for incident in &audited.verdict.incidents {
        for job in incident.findings.iter().filter_map(Finding::job) {
            let of_job = incidents.entry(job).or_default();
            if !of_job.last().is_some_and(|last| std::ptr::eq(*last, incident)) {
                of_job.push(incident);
            }
        }
    }
    incidents
}

fn describe(incident: &Incident) -> String {
    let headline = match when(incident, utc_minute) {
        Some(when) => format!("{} ({when})", incident.headline),
        None => incident.headline.to_string(),
    };
    let seen = format!("{}.{}", incident.text.seen(), error_in_a_sentence(incident));
    let lines = [headline, seen, fix_in_a_line(incident)];
    lines.map(|line| sanitize::text(&line, MAX_TEXT_LEN)).join("\n")
}
