//! The incidents after the worst, and what is only information.

use super::incident;
use super::page::{Page, Verdict, shown_name};
use crate::audit::Finding;
use crate::catalog::Status;
use crate::report::content::{Audited, Located};
use unicode_width::UnicodeWidthStr;

/// Further incidents are shown in full while all of it fits into a terminal of this height.
const HEIGHT: usize = 24;
/// The lines of the foot, with the empty one above it.
const FOOT: usize = 3;
/// The lines of the list of all jobs that are not jobs.
const LIST: usize = 3;
/// Incidents and information in short, unless all are asked for.
const MAX_SHORT: usize = 8;
const MAX_INFORMATION: usize = 5;
const ROWS: usize = 3;

/// Adds the incidents after the worst to its blocks: in full while there is room, then in short. Of a single job, all that lasts
/// is in full: this is the call that the short form names.
pub fn add(page: &Page, audited: &Audited, blocks: &mut Vec<String>, further: &[Located<'_>]) {
    let jobs = audited.jobs().count();
    let below = if page.all { jobs + FOOT + LIST } else { FOOT };
    let mut rest = further;
    while let Some((next, after)) = rest.split_first() {
        if next.incident.status == Status::Resolved {
            break;
        }
        let full = incident::in_full(page, next, ROWS);
        let all = [blocks.as_slice(), &full, &[in_short(page, after)]].concat();
        if jobs > 1 && height(page, &all) + below > HEIGHT {
            break;
        }
        blocks.extend(full);
        rest = after;
    }
    if !rest.is_empty() {
        blocks.push(in_short(page, rest));
    }
}

fn in_short(page: &Page, incidents: &[Located<'_>]) -> String {
    let shown = if page.all { incidents.len() } else { MAX_SHORT };
    let text: String = incidents.iter().take(shown).map(|located| incident::in_short(page, located)).collect();
    text + &more(page, incidents.len().saturating_sub(shown))
}

fn more(page: &Page, rest: usize) -> String {
    if rest == 0 { String::new() } else { page.below(&format!("and {rest} more: sched-audit --all")) }
}

/// How many lines of the terminal blocks take, with the empty ones between them.
fn height(page: &Page, blocks: &[String]) -> usize {
    let text = blocks.join("\n");
    text.lines().map(|line| line.width().div_ceil(page.width()).max(1)).sum()
}

/// What is only information; None if there is nothing of that kind.
pub fn information(page: &Page, audited: &Audited) -> Option<String> {
    let findings = audited.verdict.findings();
    let findings: Vec<&Finding> =
        findings.iter().filter(|located| located.incident.is_none()).map(|located| located.finding).collect();
    if findings.is_empty() {
        return None;
    }
    let shown = if page.all { findings.len() } else { MAX_INFORMATION };
    let mut text = String::new();
    for finding in findings.iter().take(shown) {
        let name = match audited.verdict.job_of(finding) {
            Some(report) => shown_name(report.job.label()),
            None => "the scheduler".to_owned(),
        };
        let sentence = page.told(&audited.verdict.sentence(finding, page.now));
        text += &page.remark(Verdict::Now(finding.severity), &format!("{name}: {sentence}"));
    }
    Some(text + &more(page, findings.len().saturating_sub(shown)))
}
