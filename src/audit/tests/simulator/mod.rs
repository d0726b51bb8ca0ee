//! A simulated scheduler: random fleets with the traits that docs/scheduler.md lists, healthy or with a fault, and people who
//! change them, audited every ten minutes. It measures how soon a fault is told, in how many voices and for how long, what is
//! said after its end, and how often health is called ill.
//!
//! `cargo test simulated` runs a few fleets; `SCHED_AUDIT_FLEETS=10 cargo test --release simulated -- --nocapture
//! --include-ignored` measures. Each test prints a line of figures.

mod accuracy;
mod database;
mod fault;
mod fleet;
mod operator;
mod plan;
mod random;
mod told;

use super::*;
use database::Database;
use fleet::Fleet;
use operator::{Act, Edit};
use plan::{End, Fault, Mishap, Plan, Revival};
use std::collections::{BTreeMap, BTreeSet};
use told::{Told, audit_all};

/// How many fleets each test looks at.
fn fleets() -> u64 {
    std::env::var("SCHED_AUDIT_FLEETS").ok().and_then(|number| number.parse().ok()).unwrap_or(1)
}

/// How far apart the audits are: ten minutes, or so long in a quick run, which is content with fewer.
fn every(quick: Millis) -> Millis {
    if fleets() > 1 { 10 * MINUTE } else { quick }
}

fn median(mut of: Vec<i64>) -> Option<i64> {
    of.sort_unstable();
    of.get(of.len() / 2).copied()
}

/// A fault that lasts for a day and a half, or half of a day until it ends.
fn lasting(fault: Fault) -> Plan {
    Plan::new(fault, End::Never, (36 * HOUR, 36 * HOUR), 0)
}

const FAULTS: [Fault; 9] = [
    Fault::KilledIdle,
    Fault::KilledInRun,
    Fault::HangsBeforeSession,
    Fault::HangsInRun,
    Fault::HangsInDelivery,
    Fault::OutageWithErrors,
    Fault::OutageScoredOk,
    Fault::OneJobThrows,
    Fault::OneJobWedged,
];

#[test]
fn simulated_faults_are_reported_early_and_once() {
    let mut plans: Vec<(String, Plan)> = FAULTS.iter().map(|fault| (format!("{fault:?}"), lasting(*fault))).collect();
    let hours = (HOUR, 8 * HOUR);
    plans.push(("RestartAfterHours".to_owned(), Plan::new(Fault::KilledIdle, End::Restart, hours, 30 * HOUR)));
    plans.push(("MachineSleeps".to_owned(), Plan::new(Fault::MachineSleeps, End::Over, hours, 30 * HOUR)));
    for (number, (name, plan)) in plans.into_iter().enumerate() {
        let mut minutes: [Vec<i64>; 3] = Default::default();
        let (mut prints, mut never, mut back, mut false_alarms) = (Vec::new(), 0, 0, Vec::new());
        for seed in 1..=fleets() {
            let fleet = Fleet::new(seed * 31 + number as u64 * 1009, plan.clone());
            let healthy = if fleets() > 1 { 2 * DAY } else { 8 * HOUR };
            let told = audit_all(&fleet, fleet.begins.plus(-healthy), fleet.horizon(), every(57 * MINUTE));
            prints.push(told.criticals(fleet.first_minute()).len());
            back += told.came_back(fleet.first_minute()).len();
            false_alarms.extend(told.alarms(Instant::MIN, fleet.first_minute()).into_values());
            for (&job, &lost) in &fleet.lost {
                match first_warning(&told, job, fleet.first_minute()) {
                    Some(warned) => minutes[class_of(&fleet, job, lost)].push(warned.since(lost) / MINUTE),
                    None if fleet.horizon().since(lost) > HOUR => never += 1,
                    None => {}
                }
            }
        }
        prints.sort_unstable();
        let (median_prints, worst) = (prints[prints.len() / 2], prints[prints.len() - 1]);
        let counts = minutes.each_ref().map(Vec::len);
        println!(
            "{name}: minutes to the first warning {:?} (of {counts:?} jobs), never {never}; critical fingerprints: median {median_prints}, worst {worst}, came back {back}; false alarms {}",
            minutes.map(median),
            false_alarms.len(),
        );
        assert!(false_alarms.is_empty(), "{name}: {false_alarms:#?}");
        assert_eq!(back, 0, "{name}: fingerprints that came back");
        assert!(median_prints <= 2, "{name}: {prints:?}");
    }
}

fn first_warning(told: &Told, job: usize, from: Instant) -> Option<Instant> {
    let warned = told.since(from).find(|audited| {
        let mut signs = audited.problems.iter().flat_map(|problem| &problem.signs);
        signs.any(|sign| sign.job == Some(job) && sign.is_ongoing && sign.severity >= Severity::Warning)
    });
    warned.map(|audited| audited.now)
}

/// Hourly or more often, several times a day, or rarer.
fn class_of(fleet: &Fleet, job: usize, at: Instant) -> usize {
    let cadence = fleet.jobs[job].row.as_ref().and_then(|row| row.schedule.cadence());
    match cadence.and_then(|cadence| cadence.usual_interval(at)).unwrap_or(DAY) {
        ..=HOUR => 0,
        usual if usual < 20 * HOUR => 1,
        _ => 2,
    }
}

/// What was told of fleets in which nothing is wrong.
#[derive(Default)]
struct Quiet {
    audits: usize,
    days: i64,
    criticals: usize,
    alarms: BTreeMap<String, usize>,
    infos: BTreeMap<String, usize>,
    examples: Vec<String>,
}

impl Quiet {
    fn listen(&mut self, seed: u64, fleet: &Fleet, told: &Told) {
        self.audits += told.audits.len();
        self.days += fleet.horizon().since(fleet.begins) / DAY;
        for alarm in told.alarms(Instant::MIN, Instant::MAX).into_values() {
            self.criticals += usize::from(alarm.is_critical());
            *self.alarms.entry(alarm.cause.clone()).or_default() += 1;
            self.examples.push(format!("fleet {seed}: {}: {}", alarm.severity.word(), alarm.headline));
        }
        let infos: BTreeSet<&(String, Option<usize>)> = told.audits.iter().flat_map(|audited| &audited.infos).collect();
        for (reason, _) in infos {
            *self.infos.entry(reason.clone()).or_default() += 1;
        }
    }

    fn settle(&self, name: &str) {
        println!(
            "{name}: {} audits, {} fleet-days: false criticals {}, false alarms {:?}, infos {:?}",
            self.audits, self.days, self.criticals, self.alarms, self.infos
        );
        assert!(self.examples.is_empty(), "{name}:\n{}", self.examples.join("\n"));
    }
}

/// Fleets in which people do this, and nothing goes wrong.
fn simulate_people(name: &str, acts: &[Act]) {
    let mut quiet = Quiet::default();
    for seed in 1..=fleets() {
        let healthy = Plan::new(Fault::None, End::Never, (10 * DAY, 10 * DAY), 0);
        let fleet = Fleet::new(seed * 77 + 13, Plan { acts: acts.to_vec(), ..healthy });
        let told = audit_all(&fleet, fleet.begins, fleet.horizon(), every(317 * MINUTE));
        quiet.listen(seed, &fleet, &told);
    }
    quiet.settle(name);
}

#[test]
fn simulated_healthy_fleets_raise_no_alarm() {
    simulate_people("nobody does anything", &[]);
}

#[test]
#[ignore = "10 fleets: warnings of 4 job-silent, 3 runaway, 2 unjudged; an edit leaves no trace"]
fn simulated_edits_of_the_schedule_alone_raise_no_alarm() {
    simulate_people("edits of schedule_value", &[Act::Edit(Edit::Alone); 6]);
}

#[test]
#[ignore = "10 fleets: warnings of 2 job-silent, 2 runaway, 3 scheduler-silent; an edit leaves no trace"]
fn simulated_edits_without_a_date_raise_no_alarm() {
    simulate_people("edits with next_run_at", &[Act::Edit(Edit::Undated); 6]);
}

#[test]
#[ignore = "10 fleets: warnings of 2 job-silent"]
fn simulated_whole_edits_raise_no_alarm() {
    simulate_people("edits with next_run_at and updated_at", &[Act::Edit(Edit::Whole); 6]);
}

#[test]
fn simulated_pauses_raise_no_alarm() {
    simulate_people("pauses in the dashboard", &[Act::Pause; 6]);
}

#[test]
#[ignore = "10 fleets: 17 criticals, as of a job that is wedged; a switch by SQL leaves no trace"]
fn simulated_switches_by_sql_raise_no_alarm() {
    simulate_people("enabled 0 and 1 by SQL", &[Act::SwitchOff; 6]);
}

#[test]
fn simulated_deletions_raise_no_alarm() {
    simulate_people("deletions by the agent", &[Act::Delete; 4]);
}

#[test]
fn simulated_jobs_made_anew_raise_no_alarm() {
    simulate_people("jobs deleted and made anew", &[Act::MakeAnew; 6]);
}

#[test]
#[ignore = "10 fleets: a warning of 1 jobs-gone"]
fn simulated_conversations_raise_no_alarm() {
    simulate_people("several made anew in a conversation", &[Act::Converse; 3]);
}

#[test]
fn simulated_healthy_fleets_that_keep_no_record_raise_no_alarm() {
    let mut quiet = Quiet::default();
    for seed in 1..=fleets() {
        let healthy = Plan::new(Fault::None, End::Never, (10 * DAY, 10 * DAY), 0);
        let fleet = Fleet::new(seed * 83 + 11, Plan { unrecorded: true, ..healthy });
        let told = audit_all(&fleet, fleet.begins, fleet.horizon(), every(317 * MINUTE));
        quiet.listen(seed, &fleet, &told);
    }
    println!("no record is kept: false criticals {}, false alarms {:?}", quiet.criticals, quiet.alarms);
    assert_eq!(quiet.criticals, 0, "{}", quiet.examples.join("\n"));
}

#[test]
fn simulated_job_that_is_wedged_is_told_although_no_record_is_kept() {
    let (mut told_of, mut false_alarms, mut prints) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 1..=fleets() {
        let fleet = Fleet::new(seed * 89 + 5, Plan { unrecorded: true, ..lasting(Fault::OneJobWedged) });
        let told = audit_all(&fleet, fleet.begins.plus(-2 * DAY), fleet.horizon(), every(57 * MINUTE));
        false_alarms.extend(told.alarms(Instant::MIN, fleet.first_minute()).into_values());
        prints.push(told.criticals(fleet.first_minute()).len());
        for (&job, &lost) in &fleet.lost {
            if fleet.horizon().since(lost) > 6 * HOUR {
                let warned = first_warning(&told, job, fleet.first_minute());
                told_of.push(warned.map(|warned| warned.since(lost) / MINUTE));
            }
        }
    }
    println!("wedged, no record is kept: minutes to the first warning {told_of:?}, criticals {prints:?}");
    assert!(false_alarms.is_empty(), "{false_alarms:#?}");
    assert!(told_of.iter().all(Option::is_some), "{told_of:?}");
    assert!(prints.iter().all(|count| *count <= 1), "{prints:?}");
}

#[test]
fn simulated_machines_that_wake_up_and_keep_no_record_have_no_false_critical() {
    let mut criticals = Vec::new();
    for seed in 1..=fleets() {
        let sleep = Plan::new(Fault::MachineSleeps, End::Over, (HOUR, 8 * HOUR), 8 * HOUR);
        let fleet = Fleet::new(seed * 97 + 3, Plan { unrecorded: true, ..sleep });
        let Some(woke) = fleet.woke else { continue };
        let told = audit_all(&fleet, woke, fleet.horizon(), every(23 * MINUTE));
        let seen = told.problems_since(woke).filter(|problem| problem.is_critical());
        let seen: BTreeSet<String> = seen.map(|problem| problem.headline.clone()).collect();
        criticals.extend(seen.into_iter().map(|headline| format!("fleet {seed}: {headline}")));
    }
    println!("slept, no record is kept: false criticals {}", criticals.len());
    assert!(criticals.is_empty(), "{}", criticals.join("\n"));
}

#[test]
fn simulated_growing_fleets_raise_no_alarm() {
    let acts = [&[Act::Make; 9][..], &[Act::Delete; 3][..]].concat();
    simulate_people("a new job a day", &acts);
}

#[test]
#[ignore = "as switches by SQL"]
fn simulated_people_who_do_everything_raise_no_alarm() {
    let acts = [
        Act::Edit(Edit::Alone),
        Act::Edit(Edit::Undated),
        Act::Edit(Edit::Whole),
        Act::Pause,
        Act::SwitchOff,
        Act::Delete,
        Act::MakeAnew,
        Act::Converse,
        Act::Make,
    ];
    simulate_people("everything", &acts);
}

/// A provider of whose runs this part comes back empty for two days.
fn simulate_flapping(part: f64) {
    let (mut most, mut prints, mut told_of, mut back) = (0, Vec::new(), 0, 0);
    for seed in 1..=fleets() {
        let fault = Fault::ProviderFlaps(part, seed % 2 == 1);
        let fleet = Fleet::new(seed * 53 + 7, Plan::new(fault, End::Over, (2 * DAY, 2 * DAY), 0));
        let told = audit_all(&fleet, fleet.begins, fleet.horizon(), every(37 * MINUTE));
        let alarms = |audited: &told::Audited| -> BTreeSet<String> {
            let alarms = audited.problems.iter().filter(|problem| problem.is_ongoing && problem.is_alarm());
            alarms.map(|problem| problem.fingerprint.clone()).collect()
        };
        most = most.max(told.audits.iter().map(|audited| alarms(audited).len()).max().unwrap_or(0));
        prints.push(told.audits.iter().flat_map(alarms).collect::<BTreeSet<_>>().len());
        let first = told.audits.iter().find(|audited| !alarms(audited).is_empty());
        told_of += usize::from(first.is_some_and(|audited| audited.now.since(fleet.begins) <= DAY));
        back += told.came_back(fleet.begins).len();
    }
    println!(
        "{:.0}% of runs empty: incidents at once {most} at most, fingerprints a fleet {prints:?}, told within a day {told_of} of {}, false over {back}",
        part * 100.0,
        fleets()
    );
    let enough = part < 0.2 || told_of as u64 == fleets();
    assert!(enough, "not told within a day");
    assert!(prints.iter().all(|count| *count <= 1), "{prints:?} fingerprints");
    assert_eq!(back, 0, "false over");
}

#[test]
#[ignore = "10 fleets: 1 to 4 fingerprints a fleet, 6 false over"]
fn simulated_provider_that_fails_by_15_percent_is_one_incident_at_most() {
    simulate_flapping(0.15);
}

#[test]
#[ignore = "10 fleets: 2 of them have a second fingerprint, before there are twelve slots"]
fn simulated_provider_that_fails_by_30_percent_is_one_incident() {
    simulate_flapping(0.3);
}

#[test]
#[ignore = "10 fleets: 2 to 5 fingerprints a fleet, of breakers too, 3 false over"]
fn simulated_provider_that_fails_by_60_percent_is_one_incident() {
    simulate_flapping(0.6);
}

#[test]
#[ignore = "30 fleets: in 6 a long first run has the fingerprint of the silence before it"]
fn simulated_machines_that_wake_up_are_not_silent() {
    let (mut criticals, mut back, mut warnings) = (Vec::new(), 0, BTreeMap::<String, usize>::new());
    for seed in 1..=fleets() * 3 {
        let sleep = Plan::new(Fault::MachineSleeps, End::Over, (15 * MINUTE, 65 * MINUTE), 8 * HOUR);
        let plan = Plan { first_run: Some((HOUR, 200 * MINUTE)), ..sleep };
        let fleet = Fleet::new(seed * 41 + 3, plan);
        let Some(woke) = fleet.woke else { continue };
        let told = audit_all(&fleet, fleet.begins, fleet.horizon(), 5 * MINUTE);
        let seen = told.problems_since(woke).filter(|problem| problem.is_critical());
        let seen: BTreeSet<String> = seen.map(|problem| problem.headline.clone()).collect();
        criticals.extend(seen.into_iter().map(|headline| format!("fleet {seed}: {headline}")));
        back += told.came_back(fleet.begins).len();
        for alarm in told.alarms(woke, Instant::MAX).into_values() {
            *warnings.entry(alarm.cause).or_default() += 1;
        }
    }
    println!(
        "{} machines that slept: criticals after the first sign of life {}, false over {back}, warnings {warnings:?}",
        fleets() * 3,
        criticals.len()
    );
    assert!(criticals.is_empty(), "{}", criticals.join("\n"));
    assert_eq!(back, 0, "false over");
}

#[test]
fn simulated_300_healthy_jobs_raise_no_alarm() {
    let mut quiet = Quiet::default();
    for seed in 1..=fleets() {
        let healthy = Plan::new(Fault::None, End::Never, (2 * DAY, 2 * DAY), 0);
        let fleet = Fleet::new(seed * 19 + 5, Plan { is_large: true, ..healthy });
        let told = audit_all(&fleet, fleet.begins, fleet.horizon(), 6 * every(HOUR));
        quiet.listen(seed, &fleet, &told);
    }
    quiet.settle("300 healthy jobs");
}

/// 300 jobs, an outage of five hours, and rows that run in one batch once they are revived.
#[test]
fn simulated_300_jobs_catch_up_without_a_new_critical() {
    let (mut fresh, mut back, mut minutes) = (Vec::new(), 0, Vec::new());
    for seed in 1..=fleets() {
        let end = End::Revived(Revival { dated: seed % 2 == 1, all: true });
        let outage = Plan::new(Fault::OutageWithErrors, end, (5 * HOUR, 5 * HOUR), 8 * HOUR);
        let fleet = Fleet::new(seed * 19 + 5, Plan { is_large: true, ..outage });
        let Some(revived) = fleet.revived else { continue };
        let told = audit_all(&fleet, fleet.begins, fleet.horizon(), every(74 * MINUTE));
        let before: BTreeSet<String> = told
            .since(fleet.begins)
            .filter(|audited| audited.now < revived)
            .flat_map(|audited| audited.problems.iter().map(|problem| problem.fingerprint.clone()))
            .collect();
        let new = told.problems_since(revived).filter(|problem| problem.is_critical());
        let new: BTreeMap<&String, &String> = new.map(|problem| (&problem.fingerprint, &problem.headline)).collect();
        let new = new.into_iter().filter(|(print, _)| !before.contains(*print));
        fresh.extend(new.map(|(_, headline)| format!("fleet {seed}: {headline}")));
        back += told.came_back(fleet.begins).len();
        let last = told.since(revived).filter(|audited| audited.problems.iter().any(|problem| problem.is_critical()));
        minutes.extend(last.last().map(|audited| audited.now.since(revived) / MINUTE));
    }
    println!(
        "300 jobs that catch up: new criticals {}, false over {back}, minutes after the repair at which something was critical still {minutes:?}",
        fresh.len()
    );
    assert!(fresh.is_empty(), "{}", fresh.join("\n"));
    assert_eq!(back, 0, "false over");
}

/// Faults that end: one name from the first minute to a day after the end.
fn simulate_end(name: &str, fault: Fault, end: End) {
    let (mut counts, mut back, mut problems) = (Vec::new(), 0, Vec::new());
    let (mut renamed, mut moved, mut forgotten) = (0, 0, 0);
    for seed in 1..=fleets() {
        let lasts = match fault {
            Fault::OutageWithErrors | Fault::OutageScoredOk | Fault::OneJobThrows => (6 * HOUR, 30 * HOUR),
            _ => (5 * HOUR, 20 * HOUR),
        };
        let fleet = Fleet::new(seed * 97 + 29, Plan::new(fault, end, lasts, 23 * HOUR));
        let from = fleet.first_minute();
        let told = audit_all(&fleet, from, fleet.horizon(), every(37 * MINUTE));
        let criticals = told.criticals(from);
        counts.push(criticals.len());
        let over_and_back = told.came_back(from);
        back += over_and_back.len();
        for print in &criticals {
            let (causes, sinces) = (told.causes_of(print), told.beginnings_of(print));
            renamed += usize::from(!is_refined(&causes));
            moved += usize::from(sinces.len() > 1);
            forgotten += usize::from(!told.is_told_to_be_over(print));
            problems.push(format!("fleet {seed}: {print} {causes:?} since {sinces:?}"));
        }
        problems.extend(over_and_back.iter().map(|print| format!("fleet {seed}: {print} came back")));
    }
    let worst = counts.iter().max().copied().unwrap_or(0);
    println!(
        "{name}: critical fingerprints a fault {counts:?}, false over {back}, another cause {renamed}, since moved {moved}, never told to be over {forgotten}"
    );
    let is_right = worst <= 1 && back + renamed + moved + forgotten == 0;
    assert!(is_right, "{}", problems.join("\n"));
}

/// Whether causes are one that became more certain while it lasted: by the length of the run, or by the jobs that fail.
fn is_refined(causes: &BTreeSet<&str>) -> bool {
    let causes: Vec<&str> = causes.iter().copied().collect();
    matches!(causes[..], [_] | ["run-hung", "run-long"] | ["job-failing", "provider-failing"])
}

const DATED: End = End::Revived(Revival { dated: true, all: false });
const UNDATED: End = End::Revived(Revival { dated: false, all: false });

#[test]
fn simulated_end_of_a_death_by_a_restart() {
    simulate_end("killed while idle, restarted", Fault::KilledIdle, End::Restart);
}

#[test]
#[ignore = "10 fleets: 10 end as scheduler-silent, since the restart removes the run; since moved in 1"]
fn simulated_end_of_a_death_in_a_run_by_a_restart() {
    simulate_end("killed in a run, restarted", Fault::KilledInRun, End::Restart);
}

#[test]
fn simulated_end_of_a_hang_before_the_session_by_a_restart() {
    simulate_end("hang before the session, restarted", Fault::HangsBeforeSession, End::Restart);
}

#[test]
#[ignore = "10 fleets: 10 end as scheduler-silent, since the restart removes the run; since moved in 1"]
fn simulated_end_of_a_hang_by_a_restart() {
    simulate_end("hang in a run, restarted", Fault::HangsInRun, End::Restart);
}

#[test]
fn simulated_end_of_a_hang_by_the_time_out() {
    simulate_end("hang in a run, timed out", Fault::HangsInRun, End::TimeOut);
}

#[test]
#[ignore = "10 fleets: 10 end as scheduler-silent, since moved in 8, a run-long beside it in 1"]
fn simulated_end_of_a_hang_in_delivery_by_a_restart() {
    simulate_end("hang in delivery, restarted", Fault::HangsInDelivery, End::Restart);
}

#[test]
fn simulated_end_of_an_outage_by_a_dated_revival() {
    simulate_end("outage with errors, revived with updated_at", Fault::OutageWithErrors, DATED);
}

#[test]
fn simulated_end_of_an_outage_by_an_undated_revival() {
    simulate_end("outage with errors, revived without updated_at", Fault::OutageWithErrors, UNDATED);
}

#[test]
fn simulated_end_of_an_outage_that_was_scored_ok() {
    simulate_end("outage scored ok, over", Fault::OutageScoredOk, End::Over);
}

#[test]
#[ignore = "10 fleets: 10 never told to be over, which leaves no trace; 1 false over"]
fn simulated_end_of_throws_by_a_dated_revival() {
    simulate_end("throws, revived with updated_at", Fault::OneJobThrows, DATED);
}

#[test]
#[ignore = "10 fleets: 10 never told to be over, which leaves no trace; 1 false over"]
fn simulated_end_of_throws_by_an_undated_revival() {
    simulate_end("throws, revived without updated_at", Fault::OneJobThrows, UNDATED);
}

#[test]
#[ignore = "10 fleets: another cause in 1"]
fn simulated_end_of_a_wedge_by_a_restart() {
    simulate_end("wedge, restarted", Fault::OneJobWedged, End::Restart);
}

#[test]
fn simulated_chance_failure_before_an_outage_does_not_move_its_start() {
    let (mut early, mut moved, mut counts, mut back) = (0, 0, Vec::new(), 0);
    for seed in 1..=fleets() {
        let outage = Plan::new(Fault::OutageWithErrors, DATED, (8 * HOUR, 20 * HOUR), 12 * HOUR);
        let fleet = Fleet::new(seed * 61 + 17, Plan { before: Some(Mishap::Fails), ..outage });
        let told = audit_all(&fleet, fleet.begins, fleet.horizon(), every(37 * MINUTE));
        let criticals = told.criticals(fleet.begins);
        counts.push(criticals.len());
        back += told.came_back(fleet.begins).len();
        for print in &criticals {
            let sinces = told.beginnings_of(print);
            early += usize::from(sinces.iter().flatten().any(|since| *since < fleet.begins.seconds()));
            moved += usize::from(sinces.len() > 1);
        }
    }
    println!(
        "a chance failure before an outage: critical fingerprints {counts:?}, begun too early {early}, since moved {moved}, false over {back}"
    );
    assert!(counts.iter().all(|count| *count <= 1), "{counts:?}");
    assert_eq!((early, moved, back), (0, 0, 0));
}

#[test]
#[ignore = "10 fleets: warnings of 2 catching-up, and of 8 scheduler-silent after it, which leaves no trace"]
fn simulated_long_run_that_throws_is_no_silence() {
    let mut quiet = Quiet::default();
    for seed in 1..=fleets() {
        let healthy = Plan::new(Fault::None, End::Never, (DAY, DAY), 0);
        let fleet = Fleet::new(seed * 83 + 11, Plan { before: Some(Mishap::Throws), ..healthy });
        let told = audit_all(&fleet, fleet.begins.plus(-90 * MINUTE), fleet.horizon(), every(37 * MINUTE));
        quiet.listen(seed, &fleet, &told);
    }
    quiet.settle("a run that throws after two hours");
}

/// Audits of one database at later and later instants: what falls, and what is gone.
fn look_at_a_frozen(name: &str, number: u64, snapshot: impl Fn(Instant) -> Snapshot, from: Instant) {
    let mut told = Told::default();
    for hours in (0..24).chain((24..40 * 24).step_by(7)) {
        let now = from.plus(hours * HOUR);
        told.listen(snapshot(now), now);
    }
    let (mut fell, mut gone) = (BTreeSet::new(), BTreeSet::new());
    for pair in told.audits.windows(2) {
        for before in pair[0].problems.iter().filter(|problem| problem.is_ongoing && problem.is_alarm()) {
            let later = pair[1].problems.iter().find(|problem| problem.fingerprint == before.fingerprint);
            match later.filter(|problem| problem.is_ongoing) {
                None => gone.insert(&before.headline),
                Some(later) if later.severity < before.severity => fell.insert(&before.headline),
                Some(_) => continue,
            };
        }
    }
    println!(
        "{name}, frozen for 40 days, {number}: severities that fell {}, fingerprints gone {}",
        fell.len(),
        gone.len()
    );
    assert!(fell.is_empty() && gone.is_empty(), "{name} {number}: fell {fell:#?}, gone {gone:#?}");
}

/// The database of a fleet as it is some hours after its fault began.
fn freeze(name: &str, plan: &Plan) {
    for seed in 1..=fleets() {
        let fleet = Fleet::new(seed * 61 + 17, plan.clone());
        let at = fleet.first_minute().plus(12 * HOUR);
        let mut database = Database::new(&fleet);
        database.fill(at);
        look_at_a_frozen(name, seed, |now| database.snapshot(now), at);
    }
}

#[test]
fn simulated_outage_after_a_chance_failure_stays_as_it_is_however_late_it_is_seen() {
    freeze("an outage", &Plan { before: Some(Mishap::Fails), ..lasting(Fault::OutageWithErrors) });
}

#[test]
fn simulated_throws_stay_as_they_are_however_late_they_are_seen() {
    freeze("throws", &lasting(Fault::OneJobThrows));
}

#[test]
fn simulated_open_breaker_beside_a_paused_job_stays_as_it_is_however_late_it_is_seen() {
    let runs = (12..22).fold(hourly("broken").ran("11:00", "11:01"), |job, hour| {
        job.used(&format!("{hour}:00"), &format!("{hour}:01"), 0)
    });
    let mut broken = Job { state: State::Broken, ..runs.with_errors(10) };
    let row = row(&mut broken);
    row.next_run_at = Timestamp::Missing;
    row.last_run.iter_mut().for_each(|run| run.failed = true);
    let paused = hourly("paused").ran("15:00", "15:01").switched("15:30", false).written("15:30");
    let world = fleet([broken, Job { state: State::Paused, ..paused }]);
    look_at_a_frozen("an open breaker", 1, |_| world.clone(), at("21:30"));
}
