//! Stores that are read by the operator's queries: the recipes of contrib/stores, each with the three detectors quiet and told, and
//! what is refused.

use crate::{Run, command};
use rusqlite::Connection;
use std::path::PathBuf;

/// Seconds since 1970 of 10:00 on 2 March 2026.
const TEN: i64 = 1_772_445_600;

pub fn iso(minutes: i64) -> String {
    chrono::DateTime::from_timestamp(TEN + minutes * 60, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What became of a run.
#[derive(Clone, Copy, PartialEq)]
pub enum Outcome {
    Ok,
    Failed,
}

/// A recipe, and how its tables are filled; times are minutes from 10:00.
pub struct Recipe {
    pub name: &'static str,
    /// An hourly job with this next run.
    job: fn(&Connection, i64),
    /// A run of the job that began then and took a minute.
    run: fn(&Connection, i64, Outcome),
    /// A sign of life, where the store has one.
    beat: Option<fn(&Connection, i64)>,
    /// Minutes after which a job is late whose run may be in flight.
    longest_run: i64,
}

pub fn sql(db: &Connection, text: &str) {
    db.execute_batch(text).unwrap_or_else(|error| panic!("{error}: {text}"));
}

pub const RECIPES: [Recipe; 8] = [
    Recipe {
        name: "homemade",
        job: |db, next| sql(db, &format!("INSERT INTO tasks VALUES (1, 'j', 1, '0 * * * *', {})", TEN + next * 60)),
        run: |db, start, outcome| {
            let status = if outcome == Outcome::Ok { "ok" } else { "failed" };
            let (start, end) = (TEN + start * 60, TEN + start * 60 + 60);
            sql(db, &format!("INSERT INTO task_log VALUES (1, {start}, {end}, '{status}', 5, NULL)"));
        },
        beat: None,
        longest_run: 0,
    },
    Recipe {
        name: "nanoclaw",
        job: |db, next| {
            sql(
                db,
                &format!(
                    "INSERT INTO scheduled_tasks VALUES ('j', 'g', 'c', 'secret', 'cron', '0 * * * *', '{}', NULL, NULL, 'active', '{}')",
                    iso(next),
                    iso(-2000)
                ),
            );
        },
        run: |db, start, outcome| {
            let status = if outcome == Outcome::Ok { "success" } else { "error" };
            let end = iso(start + 1);
            sql(
                db,
                &format!(
                    "INSERT INTO task_run_logs VALUES (NULL, 'j', '{end}', 60000, '{status}', 'secret', 'secret')"
                ),
            );
        },
        beat: None,
        longest_run: 30,
    },
    Recipe {
        name: "zeroclaw",
        job: |db, next| {
            sql(
                db,
                &format!(
                    "INSERT INTO cron_jobs VALUES ('j', '0 * * * *', 'c', '{{\"kind\":\"cron\",\"expr\":\"0 * * * *\",\"tz\":null}}',
                       'agent', 'secret', 'j', 1, '{}', '{}', NULL, NULL, NULL, NULL)",
                    iso(-2000),
                    iso(next)
                ),
            );
        },
        run: |db, start, outcome| {
            let status = if outcome == Outcome::Ok { "ok" } else { "error" };
            let (start, end) = (iso(start), iso(start + 1));
            sql(db, &format!("INSERT INTO cron_runs VALUES (NULL, 'j', '{start}', '{end}', '{status}', NULL, 60000)"));
        },
        beat: None,
        longest_run: 0,
    },
    Recipe {
        name: "solid_queue",
        job: |db, _| {
            let at = iso(-2000);
            sql(
                db,
                &format!(
                    "INSERT INTO solid_queue_recurring_tasks VALUES (1, 'j', '0 * * * *', 'J', 1, '{at}', '{at}');
                     INSERT INTO solid_queue_processes VALUES (1, 'Scheduler', '{at}')"
                ),
            );
        },
        run: |db, start, outcome| {
            let (start, end) = (iso(start), iso(start + 1));
            let finished = if outcome == Outcome::Ok { format!("'{end}'") } else { "NULL".to_owned() };
            sql(
                db,
                &format!(
                    "INSERT INTO solid_queue_jobs VALUES (NULL, 'J', {finished}, '{start}');
                     INSERT INTO solid_queue_recurring_executions VALUES (NULL, last_insert_rowid(), 'j', '{start}', '{start}')"
                ),
            );
            if outcome == Outcome::Failed {
                sql(
                    db,
                    &format!(
                        "INSERT INTO solid_queue_failed_executions SELECT NULL, max(id), 'boom', '{end}' FROM solid_queue_jobs"
                    ),
                );
            }
        },
        beat: Some(|db, at| sql(db, &format!("UPDATE solid_queue_processes SET last_heartbeat_at = '{}'", iso(at)))),
        longest_run: 0,
    },
    Recipe {
        name: "gitea",
        job: |db, next| {
            let next = TEN + next * 60;
            sql(
                db,
                &format!(
                    "INSERT INTO action_schedule VALUES (1, 'j', 1, 'w', 0);
                     INSERT INTO action_schedule_spec VALUES (1, 1, 1, {next}, 0, '0 * * * *')"
                ),
            );
        },
        run: |db, start, outcome| {
            let status = if outcome == Outcome::Ok { 1 } else { 2 };
            let (start, end) = (TEN + start * 60, TEN + start * 60 + 60);
            sql(
                db,
                &format!("INSERT INTO action_run VALUES (NULL, 'j', 1, 'w', 1, {status}, {start}, {start}, {end})"),
            );
        },
        beat: None,
        longest_run: 0,
    },
    Recipe {
        name: "django_q",
        job: |db, next| {
            let next = iso(next);
            sql(
                db,
                &format!(
                    "INSERT INTO django_q_schedule VALUES (1, 'j', 'f', 'C', NULL, -1, '{next}', '0 * * * *', NULL)"
                ),
            );
        },
        run: |db, start, outcome| {
            let is_fine = outcome == Outcome::Ok;
            let (start, end) = (iso(start), iso(start + 1));
            sql(
                db,
                &format!(
                    "INSERT INTO django_q_task VALUES ('{start}', 'n', 'f', 'secret', '{start}', '{end}', {is_fine}, 'j', 1)"
                ),
            );
        },
        beat: None,
        longest_run: 0,
    },
    Recipe {
        name: "n8n",
        job: |db, next| {
            let (next, made) = (iso(next), iso(-2000));
            sql(
                db,
                &format!(
                    "INSERT INTO scheduled_job VALUES (1, 'j', 'cron', '0 * * * *', NULL, NULL, NULL, 1, '{next}', NULL, '{made}')"
                ),
            );
        },
        run: |db, start, outcome| {
            let status = if outcome == Outcome::Ok { "succeeded" } else { "failed" };
            let (start, end) = (iso(start), iso(start + 1));
            sql(
                db,
                &format!(
                    "INSERT INTO scheduled_task VALUES (NULL, 1, '{start}', '{status}', '{start}', '{end}', NULL)"
                ),
            );
        },
        beat: None,
        longest_run: 0,
    },
    Recipe {
        name: "n8n_legacy",
        job: |db, _| {
            let trigger = r#"[{"type": "n8n-nodes-base.scheduleTrigger",
                "parameters": {"rule": {"interval": [{"field": "cronExpression", "expression": "0 * * * *"}]}}}]"#;
            sql(db, &format!("INSERT INTO workflow_entity VALUES ('w', 'j', 1, '{trigger}', NULL, '{}')", iso(-2000)));
        },
        run: |db, start, outcome| {
            let status = if outcome == Outcome::Ok { "success" } else { "error" };
            let (start, end) = (iso(start), iso(start + 1));
            sql(
                db,
                &format!("INSERT INTO execution_entity VALUES (NULL, 'w', 'trigger', '{status}', '{start}', '{end}')"),
            );
        },
        beat: None,
        longest_run: 0,
    },
];

pub struct Store<'a> {
    _directory: tempfile::TempDir,
    pub path: PathBuf,
    pub db: Connection,
    recipe: &'a Recipe,
}

impl<'a> Store<'a> {
    pub fn new(recipe: &'a Recipe) -> Store<'a> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let db = super::open(&path);
        sql(&db, &std::fs::read_to_string(format!("contrib/stores/{}.sql", recipe.name)).unwrap());
        Store { _directory: directory, path, db, recipe }
    }

    pub fn job(&self, next: i64) -> &Self {
        (self.recipe.job)(&self.db, next);
        self
    }

    pub fn ran(&self, starts: &[i64], outcome: Outcome) -> &Self {
        starts.iter().for_each(|start| (self.recipe.run)(&self.db, *start, outcome));
        self
    }

    pub fn audit(&self, minutes: i64, more: &[&str]) -> Run {
        if let Some(beat) = self.recipe.beat {
            beat(&self.db, minutes);
        }
        let config = format!("contrib/stores/{}.toml", self.recipe.name);
        let mut call = command();
        call.args(["--config", &config, "--now", &iso(minutes)]).args(more).arg(&self.path);
        call.output().unwrap().into()
    }

    pub fn findings(&self, minutes: i64) -> Vec<String> {
        self.audit(minutes, &["-f", "json"]).findings()
    }
}

const HOURS: [i64; 4] = [-180, -120, -60, 0];

#[test]
fn a_job_that_is_past_due_is_told_and_one_that_is_not_is_quiet() {
    for recipe in &RECIPES {
        let store = Store::new(recipe);
        store.job(60).ran(&HOURS, Outcome::Ok);
        let late = 60 + recipe.longest_run;
        let on_time = store.findings(late + 15);
        assert_eq!(on_time, [""; 0], "{}", recipe.name);
        let told = store.findings(late + 16);
        assert!(told.contains(&"warning past-due/overdue ongoing".to_owned()), "{}: {told:?}", recipe.name);
        let lost = store.findings(late + 66);
        assert!(lost.contains(&"critical past-due/overdue ongoing".to_owned()), "{}: {lost:?}", recipe.name);
    }
}

#[test]
fn a_streak_of_failed_runs_is_told_and_two_are_not() {
    for recipe in &RECIPES {
        let store = Store::new(recipe);
        store.job(60).ran(&[-180, -120], Outcome::Ok).ran(&[-60, 0], Outcome::Failed);
        assert_eq!(store.findings(10), [""; 0], "{}", recipe.name);
        let store = Store::new(recipe);
        store.job(60).ran(&[-180], Outcome::Ok).ran(&[-120, -60, 0], Outcome::Failed);
        assert_eq!(store.findings(10), ["warning zero-tokens/job-failing ongoing"], "{}", recipe.name);
        assert!(!store.audit(10, &["-f", "json"]).out.contains("prompt"), "{}", recipe.name);
    }
}

#[test]
fn the_history_tells_the_error_of_a_run_that_the_row_knows_too_with_advice_for_any_scheduler() {
    let nanoclaw = &RECIPES[1];
    for (row_after_the_run, shown) in [(0, true), (1, true), (2, false)] {
        let store = Store::new(nanoclaw);
        store.job(60).ran(&[-180], Outcome::Ok).ran(&[-120, -60, 0], Outcome::Failed);
        sql(&store.db, "UPDATE task_run_logs SET error = 'Error: no such model' WHERE error IS NOT NULL");
        sql(&store.db, &format!("UPDATE scheduled_tasks SET last_run = '{}'", iso(1 + row_after_the_run)));
        let out = store.audit(10, &[]).out;
        assert_eq!(out.contains("no such model"), shown, "{row_after_the_run}: {out}");
        assert!(out.contains("fix its cause") && !out.contains("circuit breaker"), "{out}");
    }
}

#[test]
fn a_status_that_no_word_means_is_not_healthy() {
    for column in ["runs", "jobs"] {
        let store = Store::new(&RECIPES[0]);
        store.job(60).ran(&HOURS, Outcome::Ok);
        sql(&store.db, "UPDATE task_log SET status = 'KO'");
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("config.toml");
        let query = match column {
            "runs" => "runs = 'SELECT task_id AS job, started AS start, ended AS \"end\", status FROM task_log'",
            _ => "",
        };
        let last = if column == "jobs" { ", 1772445600 AS last_end, 'KO' AS last_status" } else { "" };
        let jobs = format!("SELECT id, cron AS schedule, next_run{last} FROM tasks");
        let tables = "tables = ['tasks', 'task_log']";
        let text = format!("[[store]]\nname = 'x'\n{tables}\njobs = \"{jobs}\"\n{query}\n");
        std::fs::write(&config, text).unwrap();
        let call = |more: &str| -> Run {
            let mut call = command();
            call.arg("--config").arg(&config).args([more, "--now", &iso(10)]).arg(&store.path).output().unwrap().into()
        };
        let note = "does not know the status \"KO\"";
        let shown = call("--check-config");
        assert!(shown.out.contains(": unknown") && shown.out.contains(note), "{}{}", shown.out, shown.err);
        let told = call("--all");
        assert!(told.out.contains(note), "{}{}", told.out, told.err);
        assert!(column == "jobs" || told.code == 1 && told.out.contains("can't be judged"), "{}", told.out);
    }
}

#[test]
fn a_schedule_that_a_mapping_can_not_read_is_no_one_shot_that_ran_too_often() {
    let store = Store::new(&RECIPES[0]);
    store.job(60).ran(&HOURS, Outcome::Ok);
    sql(&store.db, "UPDATE tasks SET cron = 'each full moon'");
    assert_eq!(store.findings(10), [""; 0]);
    let told = store.audit(10, &["-f", "json"]).out;
    assert!(told.contains("only next runs and runs are judged"), "{told}");
}

#[test]
fn secrets_in_what_a_mapping_can_not_read_are_masked() {
    let store = Store::new(&RECIPES[0]);
    store.job(60).ran(&HOURS, Outcome::Ok);
    let secret = "sk-abcdef1234567890abcdef1234567890";
    sql(&store.db, &format!("UPDATE tasks SET cron = 'token={secret}', next_run = 'token={secret}'"));
    sql(&store.db, &format!("UPDATE task_log SET status = 'token={secret}'"));
    for format in ["table", "json", "html"] {
        let told = store.audit(10, &["--all", "-f", format]);
        assert!(told.out.contains("token=[masked]") && !told.out.contains("abcdef"), "{}{}", told.out, told.err);
    }
}

#[test]
fn a_gap_is_told_and_a_usual_pause_is_not() {
    for recipe in &RECIPES {
        let store = Store::new(recipe);
        store.job(60).ran(&[-300, -240], Outcome::Ok).ran(&[0], Outcome::Ok);
        assert_eq!(store.findings(10), ["warning gap/job-silent resolved"], "{}", recipe.name);
        // A store that moves the next run before the run shows a run that never comes by its slots alone.
        let store = Store::new(recipe);
        store.job(660).ran(&HOURS, Outcome::Ok);
        let told = store.findings(60 + recipe.longest_run.max(180) + 66);
        let silent = |finding: &String| finding.starts_with("critical gap/job-silent ongoing");
        assert!(
            ["solid_queue", "n8n_legacy"].contains(&recipe.name) || told.iter().any(silent),
            "{}: {told:?}",
            recipe.name
        );
    }
}

#[test]
fn empty_runs_and_runs_in_flight_of_a_homemade_store_are_judged() {
    let store = Store::new(&RECIPES[0]);
    store.job(60).ran(&HOURS, Outcome::Ok);
    sql(&store.db, "UPDATE task_log SET tokens = 0 WHERE started > 1772434801");
    assert_eq!(store.findings(10), ["warning zero-tokens/zero-token-streak ongoing"]);
    let store = Store::new(&RECIPES[0]);
    store.job(60).ran(&HOURS, Outcome::Ok);
    sql(&store.db, &format!("INSERT INTO task_log VALUES (1, {}, NULL, 'running', NULL, NULL)", TEN + 3600));
    assert_eq!(store.findings(85), [""; 0], "25 minutes in flight");
    assert!(store.findings(97).contains(&"critical past-due/run-hung ongoing".to_owned()), "{:?}", store.findings(97));
    let told = store.audit(97, &[]);
    assert!(told.out.contains("\nsystemctl status scheduler\n"), "{}", told.out);
}

#[test]
fn a_dead_heartbeat_is_told_before_anything_is_lost() {
    let store = Store::new(&RECIPES[3]);
    store.job(60).ran(&HOURS, Outcome::Ok);
    assert_eq!(store.findings(10), [""; 0]);
    (RECIPES[3].beat.unwrap())(&store.db, 10);
    let config = "contrib/stores/solid_queue.toml";
    let mut call = command();
    let later = call.args(["--config", config, "-f", "json", "--now", &iso(16)]).arg(&store.path).output().unwrap();
    assert_eq!(Run::from(later).incidents(), ["warning scheduler-down ongoing"]);
}

#[test]
fn check_config_shows_jobs_and_runs_as_they_are_understood() {
    for recipe in &RECIPES {
        let store = Store::new(recipe);
        store.job(60).ran(&HOURS, Outcome::Ok);
        let shown = store.audit(10, &["--check-config"]).out;
        for part in [
            "0 * * * *, next run 2026-03-02 11:00, next slot 2026-03-02 11:00",
            "run 2026-03-02 10:00 to 2026-03-02 10:01: ok",
        ] {
            assert!(shown.contains(part), "{}: {shown}", recipe.name);
        }
    }
}

#[test]
fn a_mapping_can_do_nothing_but_read_its_tables() {
    let store = Store::new(&RECIPES[0]);
    store.job(60);
    sql(&store.db, "CREATE TABLE secrets (x)");
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.toml");
    for (jobs, said) in [
        ("SELECT x AS id, x AS schedule, x AS next_run FROM secrets", "it does more than a SELECT on the tables"),
        ("SELECT id, cron AS schedule, (SELECT x FROM secrets) AS next_run FROM tasks", "does more than a SELECT"),
        ("PRAGMA journal_mode = WAL", "does more than a SELECT"),
        ("ATTACH 'x.db' AS x", "does more than a SELECT"),
        ("DELETE FROM tasks", "does more than a SELECT"),
        ("SELECT 1 AS id, 2 AS schedule, 3 AS next_run; DELETE FROM tasks", "does more than a SELECT"),
        ("SELECT 1 AS id, 2 AS schedule, 3 AS next_run; SELECT 4", "more than one statement"),
        (
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS id, x AS schedule FROM n",
            "does more",
        ),
        ("SELECT id, cron AS schedul, next_run FROM tasks", "did you mean \"schedule\"?"),
        ("SELECT id, cron AS schedule, next_run AS nextrun FROM tasks", "did you mean \"next_run\"?"),
        ("SELECT id, cron AS schedule FROM tasks", "no column next_run, and there is no query for runs"),
        ("SELECT id, absent AS schedule, next_run FROM tasks", "no such column: absent"),
        ("SELEC id FROM tasks", "syntax error"),
        ("SELECT id, cron AS schedule, next_run FROM tasks WHERE next_run > :since", "nothing sets :since"),
        ("SELECT id, cron AS schedule, cron ->> '$.x' AS next_run FROM tasks", "malformed JSON"),
        ("SELECT id, hex(zeroblob(900000000)) AS schedule, next_run FROM tasks", "too big"),
    ] {
        let text = format!("[[store]]\nname = \"x\"\ntables = [\"tasks\"]\njobs = \"\"\"{jobs}\"\"\"\n");
        std::fs::write(&config, text).unwrap();
        let run: Run = command().arg("--config").arg(&config).arg(&store.path).output().unwrap().into();
        assert!(
            run.code == 3 && run.err.contains(said) && run.err.contains("config.toml line 1"),
            "{jobs}: {}",
            run.err
        );
        assert!(!run.err.contains("does more") || said.contains("does more"), "{jobs}: {}", run.err);
    }
    let count: i64 = store.db.query_row("SELECT count(*) FROM tasks", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
}

#[test]
fn a_query_that_never_ends_is_ended_by_the_deadline() {
    let store = Store::new(&RECIPES[0]);
    sql(
        &store.db,
        &(0..400).map(|id| format!("INSERT INTO tasks VALUES ({id}, 'j', 1, '0 * * * *', 5);")).collect::<String>(),
    );
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.toml");
    let jobs =
        "SELECT count(*) AS id, a.cron AS schedule, 5 AS next_run FROM tasks a, tasks b, tasks c, tasks d, tasks e";
    std::fs::write(&config, format!("[[store]]\nname = \"x\"\ntables = [\"tasks\"]\njobs = \"{jobs}\"\n")).unwrap();
    let run: Run =
        command().args(["--timeout", "300ms", "--config"]).arg(&config).arg(&store.path).output().unwrap().into();
    assert!(run.code == 3 && run.err.contains("time-out"), "{}", run.err);
}

#[test]
fn a_mapping_comes_before_what_is_known_and_store_names_either() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.toml");
    std::fs::write(
        &config,
        "[[store]]\nname = \"next\"\ntables = [\"scheduled_jobs\"]\njobs = \"SELECT id, name, schedule_kind AS kind, schedule_value AS schedule, next_run_at AS next_run FROM scheduled_jobs\"\n",
    )
    .unwrap();
    let audit = |more: &[&str]| {
        let mut call = command();
        call.arg("--config").arg(&config).args(["--now", "2026-03-12T00:13:20Z", "--check-config"]).args(more);
        Run::from(call.arg("fixtures/healthy.db").output().unwrap())
    };
    assert!(audit(&[]).out.contains("read as \"next\""), "{}", audit(&[]).out);
    assert!(!audit(&["--store", "phantom"]).out.contains("read as"));
    let wrong = audit(&["--store", "other"]);
    assert!(wrong.code == 3 && wrong.err.contains("there are only next, phantom, openclaw"), "{}", wrong.err);
}

/// A homemade store read by these queries; TEN is the last of four good hourly runs.
fn audit_by(store: &Store, queries: &str, minutes: i64) -> Run {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.toml");
    std::fs::write(&config, format!("[[store]]\nname = 'x'\ntables = ['tasks', 'task_log']\n{queries}\n")).unwrap();
    let arguments = ["-f", "json", "--timezone", "UTC", "--now", &iso(minutes)];
    command().arg("--config").arg(&config).args(arguments).arg(&store.path).output().unwrap().into()
}

const JOBS: &str = "jobs = 'SELECT id, name, cron AS schedule, next_run FROM tasks'";

#[test]
fn jobs_of_a_mapped_store_that_are_gone_are_told() {
    let store = Store::new(&RECIPES[0]);
    store.job(60).ran(&[-180, -120, -60, 0], Outcome::Ok);
    for gone in [7, 8, 9] {
        for minutes in [-600, -540, -480, -420, -360] {
            let start = TEN + minutes * 60;
            sql(&store.db, &format!("INSERT INTO task_log VALUES ({gone}, {start}, {start} + 60, 'ok', 5, NULL)"));
        }
    }
    let runs = |job: &str| {
        format!(
            "{JOBS}\nruns = \"SELECT {job} AS job, 'n' || task_id AS name, started AS start, status FROM task_log\""
        )
    };
    let told = audit_by(&store, &runs("task_id"), 10);
    assert_eq!(told.incidents(), ["warning jobs-gone ongoing"], "{}", told.out);
    assert!(told.out.contains("\"n8\""), "by the names that their runs have: {}", told.out);
    let wrong = audit_by(&store, &runs("'task-' || task_id"), 10);
    assert_eq!(wrong.incidents(), ["warning unjudged ongoing"], "ids that match nothing are a mistake: {}", wrong.out);
}

const RUNS: &str =
    "runs = \"SELECT task_id AS job, started AS start, ended AS 'end', status FROM task_log WHERE started > :since\"";

#[test]
fn since_is_compared_in_the_type_of_the_column() {
    for times in ["{}", "{} * 1000", "{} * 1000000", "{} * 1000000000", "datetime({}, 'unixepoch')"] {
        let store = Store::new(&RECIPES[0]);
        // Columns without a type compare as they are.
        sql(
            &store.db,
            "ALTER TABLE task_log RENAME TO old; CREATE TABLE task_log(task_id, started, ended, status, tokens, error)",
        );
        store.job(60).ran(&[-180], Outcome::Ok).ran(&[-120, -60, 0], Outcome::Failed);
        let (start, end) = (times.replace("{}", "started"), times.replace("{}", "ended"));
        sql(&store.db, &format!("UPDATE task_log SET started = {start}, ended = {end}"));
        let told = audit_by(&store, &format!("{JOBS}\n{RUNS}"), 10);
        assert_eq!(told.incidents(), ["warning job-failing ongoing"], "{times}: {}", told.out);
    }
}

#[test]
fn the_newest_run_is_found_before_the_window() {
    let store = Store::new(&RECIPES[0]);
    let days = 24 * 60;
    store.job(60).ran(&HOURS, Outcome::Ok);
    sql(&store.db, &format!("INSERT INTO tasks VALUES (2, 'k', 1, '30 * * * *', {})", TEN + 30 * 60));
    for hour in 0..13 * 24 {
        let start = TEN + hour * 3600 + 1800;
        sql(&store.db, &format!("INSERT INTO task_log VALUES (2, {start}, {start} + 60, 'ok', 5, NULL)"));
    }
    let jobs = "jobs = 'SELECT id, name, cron AS schedule FROM tasks'";
    let told = audit_by(&store, &format!("{jobs}\n{RUNS}"), 13 * days);
    assert!(
        told.code == 2 && told.out.contains("2026-03-02T11:00:00Z"),
        "silent since its first lost slot: {}",
        told.out
    );
}

#[test]
fn what_can_not_be_read_of_runs_and_heartbeats_is_not_healthy() {
    let unreadable = |change: &str, more: &str| {
        let store = Store::new(&RECIPES[0]);
        store.job(60).ran(&HOURS, Outcome::Ok);
        sql(&store.db, change);
        audit_by(&store, &format!("{JOBS}\n{RUNS}\n{more}"), 10)
    };
    assert_eq!(unreadable("", "").incidents(), [""; 0]);
    let told = unreadable("UPDATE task_log SET started = 'soon', ended = NULL", "");
    assert_eq!(told.incidents(), ["warning unjudged ongoing"], "{}", told.out);
    assert!(told.out.contains("the times of 4 runs can't be read"), "dropped rows are counted: {}", told.out);
    let lost = "last_start FROM tasks";
    let store = Store::new(&RECIPES[0]);
    store.job(60);
    let jobs = format!("jobs = 'SELECT id, name, cron AS schedule, next_run, {TEN} AS {lost}'");
    let told = audit_by(&store, &format!("{jobs}\n{RUNS}"), 10);
    assert_eq!(told.incidents(), ["warning unjudged ongoing"], "{}", told.out);
    for beat in ["'soon'".to_owned(), format!("{TEN} + 40000000")] {
        let told = unreadable("", &format!("heartbeat = \"SELECT {beat} FROM tasks\""));
        assert_eq!(told.incidents(), ["warning unjudged ongoing"], "{beat}: {}", told.out);
    }
    let dead = unreadable("", &format!("heartbeat = 'SELECT ({TEN} - 3600) * 1000000 FROM tasks'"));
    assert_ne!(dead.code, 0, "a heartbeat in microseconds: {}", dead.out);
}
