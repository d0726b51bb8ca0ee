//! The report as test results: a database is a suite, a job a test case, in the form that Jenkins, GitLab and others read
//! (<https://github.com/testmoapp/junitxml>).

use super::{Audited, Database, Report, safe};
use crate::audit::{Incident, Judged, Lasting};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use std::io::Result;

const LONGEST_NAME: usize = 120;
const LONGEST_TEXT: usize = 2000;

/// The whole report as XML.
///
/// # Errors
/// Why it can't be written; no input should cause that.
pub fn render(report: &Report) -> std::result::Result<String, String> {
    let written = Xml(Writer::new_with_indent(Vec::new(), b' ', 2)).report(report);
    let bytes = written.map_err(|error| format!("the test results can't be written: {error}; please report it"))?;
    String::from_utf8(bytes).map_err(|error| format!("the test results are not UTF-8: {error}; please report it"))
}

struct Xml(Writer<Vec<u8>>);

impl Xml {
    fn report(mut self, report: &Report) -> Result<Vec<u8>> {
        self.0.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let took = format!("{:.3}", report.took.as_secs_f64());
        self.open("testsuites", &[("name", "sched-audit"), ("time", &took)])?;
        match &report.databases {
            Err(why) => self.unread_suite("sched-audit", why)?,
            Ok(databases) => databases.iter().try_for_each(|database| self.suite(report, database))?,
        }
        self.close("testsuites")?;
        let mut bytes = self.0.into_inner();
        bytes.push(b'\n');
        Ok(bytes)
    }

    fn suite(&mut self, report: &Report, database: &Database) -> Result<()> {
        let path = safe::text(&database.path.to_string_lossy(), LONGEST_NAME);
        let audited = match &database.outcome {
            Ok(audited) => audited,
            Err(why) => return self.unread_suite(&path, why),
        };
        let fails = |judged: &Judged| report.fail_on.code(judged.severity) > 0;
        let count = |which: &dyn Fn(&Judged) -> bool| audited.jobs().filter(|judged| which(judged)).count().to_string();
        let (tests, failures) = (count(&|_| true), count(&fails));
        let skipped = count(&|judged| !judged.job.state.is_watched() && !fails(judged));
        let time = report.now.to_string();
        let time = time.trim_end_matches('Z');
        self.open(
            "testsuite",
            &[
                ("name", &path),
                ("tests", &tests),
                ("failures", &failures),
                ("errors", "0"),
                ("skipped", &skipped),
                ("timestamp", time),
            ],
        )?;
        for (index, judged) in audited.verdict.jobs.iter().enumerate().filter(|(_, judged)| judged.selected) {
            self.case(&path, judged, &incidents_of(audited, index), fails(judged))?;
        }
        self.close("testsuite")
    }

    fn case(&mut self, path: &str, judged: &Judged, incidents: &[&Incident], fails: bool) -> Result<()> {
        let name = safe::text(&judged.job.name, LONGEST_NAME);
        self.open("testcase", &[("classname", path), ("name", &name)])?;
        let told: Vec<String> = incidents.iter().map(|incident| told(incident)).collect();
        if fails {
            let (cause, headline) = incidents
                .first()
                .map_or_else(Default::default, |worst| (worst.cause.name(), safe::text(&worst.headline, LONGEST_NAME)));
            self.open("failure", &[("type", &cause), ("message", &headline)])?;
            self.text(&told.join("\n"))?;
            self.close("failure")?;
        } else if !judged.job.state.is_watched() {
            self.open("skipped", &[("message", judged.job.state.word())])?;
            self.close("skipped")?;
        } else if !told.is_empty() {
            self.open("system-out", &[])?;
            self.text(&told.join("\n"))?;
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
        self.open("error", &[("type", "could-not-audit"), ("message", &safe::text(why, LONGEST_TEXT))])?;
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

/// The incidents that hit a job, the worst first.
fn incidents_of(audited: &Audited, job: usize) -> Vec<&Incident> {
    let of_job = audited.verdict.findings.iter().filter(|finding| finding.job == job);
    let mut places: Vec<usize> = of_job.filter_map(|finding| finding.incident).collect();
    places.sort_unstable();
    places.dedup();
    places.into_iter().map(|place| &audited.verdict.incidents[place]).collect()
}

fn told(incident: &Incident) -> String {
    let over = if incident.lasting == Lasting::Resolved { " (over)" } else { "" };
    let lines = [format!("{}{over}", incident.headline), incident.observed.join("; "), incident.next_step.clone()];
    lines.map(|line| safe::text(&line, LONGEST_TEXT)).join("\n")
}
