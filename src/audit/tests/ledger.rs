//! The ledger: the fate of each slot.

use super::*;

/// The stretches of the first job: what became of its slots, the first of them, and how many there are.
fn fates(world: &Snapshot, now: &str) -> Vec<(Fate, Instant, u64)> {
    fates_with(world, settings(at(now)))
}

fn fates_with(world: &Snapshot, settings: Settings) -> Vec<(Fate, Instant, u64)> {
    with_fleet(world, settings, |fleet| {
        let stretches = fleet.ledger(JobIndex::at(0)).stretches.iter();
        stretches.map(|stretch| (stretch.fate, stretch.since, stretch.slots)).collect()
    })
}

/// The stretch that lasts, or the last one between two runs.
fn fate(world: &Snapshot, now: &str) -> (Fate, Instant, u64) {
    let fates = fates(world, now);
    let no_run = fates.iter().rev().find(|(fate, ..)| !matches!(fate, Fate::Served(_)));
    *no_run.unwrap_or_else(|| panic!("{fates:?}"))
}

const WORKED: Fate = Fate::Served(RunOutcome::Worked);

fn excused(excuse: Excuse) -> Fate {
    Fate::Excused(excuse)
}

#[test]
fn runs_that_did_the_same_are_one_stretch() {
    let job = fires(&[GOOD, GOOD, EMPTY, EMPTY, GOOD]);
    let empty = Fate::Served(RunOutcome::Empty);
    let expected = [(WORKED, at("08:01"), 2), (empty, at("10:01"), 2), (WORKED, at("12:00"), 1)];
    assert_eq!(fates(&recorded([job.clone()]), "12:05"), expected);
    // Of errors that used tokens only the row may know.
    let mut row_knows = job.with_errors(1);
    row_knows.fires[4] = did(row_knows.fires[4], FAILED);
    assert_eq!(fates(&recorded([row_knows]), "12:05")[2].0, Fate::Served(RunOutcome::Failed));
}

#[test]
fn slots_between_two_runs_are_lost_if_the_worker_was_free() {
    let world = |job: Job| recorded([job]);
    let job = || hourly("j").ran("08:00", "08:01").ran("09:00", "09:01");
    let fates_of = |start: &str| fates(&world(job().ran(start, "13:01")), "13:05");
    assert_eq!(fates_of("13:00"), [(WORKED, at("08:00"), 2), (Fate::Lost, at("10:00"), 3), (WORKED, at("13:00"), 1)]);
    // One that is served no later than an hour and five minutes after its slot is served late.
    let two_hours = |start: &str| {
        let job = cron("j", "0 */2 * * *").ran("06:00", "06:01").ran("08:00", "08:01").ran(start, "12:00");
        fates(&world(job), "12:01").len()
    };
    assert_eq!((two_hours("11:05:00.000"), two_hours("11:05:00.001")), (1, 3));
}

#[test]
fn a_pause_excuses_the_slots_up_to_its_end() {
    let job = |resumed: &str| {
        let job = hourly("j").ran("08:00", "08:01").switched("08:30", false).switched(resumed, true);
        fates(&recorded([job.ran("15:00", "15:01")]), "15:05")
    };
    let paused = excused(Excuse::Paused);
    assert_eq!(job("15:00:00.000")[1], (paused, at("09:00"), 7), "until the run began");
    assert_eq!(job("14:30"), [(WORKED, at("08:00"), 1), (paused, at("09:00"), 6), (WORKED, at("15:00"), 1)]);
    assert_eq!(job("11:30")[1..3], [(paused, at("09:00"), 3), (Fate::Lost, at("12:00"), 3)]);
    // A job that is paused now.
    let standing = Job { state: State::Paused, ..hourly("j").ran("08:00", "08:01") };
    assert_eq!(fate(&recorded([standing]), "10:30"), (paused, at("09:00"), 2));
}

#[test]
fn quiet_hours_excuse_their_slots() {
    let quiet = |text: &str, now: &str| {
        let quiet = vec![crate::settings::parse_quiet(text).unwrap_or_else(|_| panic!("{text}"))];
        Settings { quiet, ..settings(at(now)) }
    };
    let standing = |now: &str| fates_with(&recorded([hourly("j").ran("08:00", "08:01")]), quiet("09:00-12:00", now));
    assert_eq!(standing("11:30")[1..], [(excused(Excuse::Quiet), at("09:00"), 0)]);
    assert_eq!(standing("12:00:00.000")[1].0, excused(Excuse::Quiet));
    assert_ne!(standing("12:20")[1].0, excused(Excuse::Quiet));
    let between = |until: &str| {
        let job = hourly("j").ran("08:00", "08:01").ran("12:00", "12:01");
        fates_with(&recorded([job]), quiet(&format!("09:00-{until}"), "12:05")).len()
    };
    assert_eq!(between("12:00"), 1, "all slots between are quiet ones");
    assert_eq!(between("10:00"), 3, "one at ten and one at eleven were lost");
}

#[test]
fn the_backoff_after_a_bad_run_excuses_its_time() {
    // OpenClaw tries again after an hour at most.
    let gap = |bad: bool| {
        let job = every("j", 30 * MINUTE).ran("08:00", "08:01");
        let job = if bad { job.used("08:30", "08:31", 0) } else { job.ran("08:30", "08:31") };
        fate(&recorded([job.ran("12:00", "12:01")]), "12:05").1
    };
    assert_eq!((gap(false), gap(true)), (at("09:01"), at("09:31")));
    let standing = |bad: bool| {
        let job = every("j", 30 * MINUTE);
        let job = if bad { job.used("08:30", "08:31", 0) } else { job.ran("08:30", "08:31") };
        fate(&recorded([job.next("20:00")]), "12:00").1
    };
    assert_eq!((standing(false), standing(true)), (at("09:01"), at("09:31")));
}

#[test]
fn a_worker_that_may_have_been_busy_excuses_what_waited() {
    let world = |held: &str| {
        let job = hourly("j").ran("08:00", "08:01").ran("09:00", "09:01").ran("12:30", "12:31");
        let other = cron("o", "55 9 * * *").ran("09:55", held);
        let traits = SchedulerTraits { max_concurrent: 1, ..recorded([]).traits };
        fate(&Snapshot { traits, ..recorded([job, other]) }, "12:35")
    };
    assert_eq!(world("12:29:00.000"), (excused(Excuse::Busy), at("10:00"), 2));
    assert_eq!(world("12:28:59.999"), (Fate::Lost, at("10:00"), 2));
}

#[test]
fn runs_that_threw_excuse_the_slots_before_the_last_of_them() {
    let world = |errors: u64| {
        let mut job = hourly("j").ran("08:00", "08:01").ran("12:00", "12:01").with_errors(errors);
        job.fires[1] = did(job.fires[1], THREW);
        fates(&recorded([job]), "12:05")[1].0
    };
    assert_eq!((world(2), world(1)), (excused(Excuse::Threw), Fate::Lost));
}

#[test]
fn ten_bad_runs_stop_a_job() {
    let world = |bad: usize| {
        let job = fires(&[vec![GOOD], vec![EMPTY; bad]].concat()).ran("20:00", "20:01");
        fate(&recorded([job]), "20:05").0
    };
    assert_eq!((world(9), world(10)), (Fate::Lost, excused(Excuse::Stopped)));
}

#[test]
fn a_slot_that_lasts_is_due_then_lost() {
    let world = recorded([hourly("j").ran("08:00", "08:01")]);
    assert_eq!(fates(&world, "09:00:00.000").len(), 1);
    assert_eq!(fate(&world, "09:00:00.001"), (excused(Excuse::Due), at("09:00"), 1));
    assert_eq!(fate(&world, "09:15:00.000"), (excused(Excuse::Due), at("09:00"), 1));
    assert_eq!(fate(&world, "09:15:00.001"), (Fate::Lost, at("09:00"), 1));
    assert_eq!(fate(&world, "11:00"), (Fate::Lost, at("09:00"), 3));
}

#[test]
fn what_a_job_is_due_for_does_not_move_on_as_time_passes() {
    // An interval that counts from an anchor is due by the row, a minute before one that counts from the last run.
    let world = recorded([every("j", 10 * MINUTE).ran("10:00", "10:01").next("10:10")]);
    let since = |now| fate(&world, now).1;
    assert_eq!([since("10:11"), since("10:21"), since("10:21:00.001"), since("11:00")], [at("10:10"); 4]);
}

#[test]
fn a_slot_that_lasts_waits_for_the_run_in_flight() {
    let job = || hourly("j").ran("11:00", "11:01");
    let own = running(fleet([job()]), "12:00:01");
    assert_eq!(fate(&own, "13:30"), (excused(Excuse::Running), at("12:00"), 2));
    let mut other = running(fleet([job(), cron("o", "55 11 * * *").ran("05:00", "05:01").next("11:55")]), "11:55:01");
    other.open_runs[0].job_id = "o".to_owned();
    assert_eq!(fate(&other, "12:30"), (excused(Excuse::Busy), at("12:00"), 1));
}

#[test]
fn a_standing_fate_follows_the_state_of_the_row() {
    let state = |state: State| fate(&recorded([Job { state, ..hourly("j").ran("08:00", "08:01") }]), "10:30").0;
    assert_eq!(state(State::Broken), excused(Excuse::Stopped));
    assert_eq!(state(State::Disabled), excused(Excuse::Paused));
    assert_eq!(state(State::Watched), Fate::Lost);
    let done = Job { state: State::Completed, ..hourly("j").ran("08:00", "08:01") };
    assert_eq!(fates(&recorded([done]), "10:30").len(), 1, "a job that is done is due for nothing");
}

#[test]
fn a_row_that_was_edited_waits_until_the_scheduler_must_have_looked() {
    let world = fleet([hourly("j").ran("08:00", "08:01").written("10:10").next("10:20")]);
    // The timer may sleep for an hour and a minute.
    assert_eq!(fate(&world, "11:00").0, excused(Excuse::Repaired(at("10:10"))));
    let sleeps = world.traits.timer_sleeps;
    let looks_by = at("10:10").plus(sleeps);
    assert_eq!(fate(&world, &looks_by.to_string()).0, excused(Excuse::Repaired(at("10:10"))));
    assert_ne!(fate(&world, &looks_by.plus(1).to_string()).0, excused(Excuse::Repaired(at("10:10"))));
}

#[test]
fn a_restart_that_scheduled_a_job_anew_ends_what_was_lost_before() {
    let world = fleet([hourly("j").ran("08:00", "08:01:05").next("12:30:05")]);
    assert_eq!(fate(&world, "12:30:05"), (excused(Excuse::CatchingUp(at("12:30:05"))), at("09:00"), 4));
    assert_eq!(fates(&world, "12:30:04.999").len(), 1, "a next run ahead may be an edit");
}

#[test]
fn a_job_that_paces_itself_has_no_slots_to_lose() {
    let paced = Job { self_paced: true, ..hourly("j").ran("08:00", "08:01").ran("12:00", "12:01") };
    assert_eq!(fates(&recorded([paced]), "12:05"), [(WORKED, at("08:00"), 2)]);
}
