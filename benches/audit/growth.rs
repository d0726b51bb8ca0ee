//! What a database costs that has ten times as much of one thing: not a hundred times as much.

use crate::database::{Generated, OPENCLAW, PHANTOM};
use crate::measure::{audit, best};

/// So much more may ten times as much cost.
const MOST: f64 = 30.0;

/// Something that a database has a number of. `{n}` stands for it in the SQL, and `{now}` for the instant of the audit.
struct Growing {
    name: &'static str,
    n: usize,
    sql: &'static str,
}

const HOURLY: &str = r#"'cron', '{"expr":"0 * * * *"}'"#;

const CASES: [Growing; 10] = [
    Growing {
        name: "rows with odd states",
        n: 2_000,
        sql: "INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, status, last_run_at, next_run_at)
            SELECT 'j' || i, 'j' || i, {hourly}, 's' || i, iso(-7200), iso(-3600) FROM n",
    },
    Growing {
        name: "rows without a next run",
        n: 2_000,
        sql: "INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, last_run_at)
            SELECT 'j' || i, 'j' || i, {hourly}, iso(-7200 - i) FROM n",
    },
    Growing {
        name: "jobs silent for months",
        n: 1_900,
        sql: "INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, last_run_at, next_run_at, updated_at)
            SELECT 'j' || i, 'j' || i, {hourly}, iso(-2600000 - 600 * i), iso(-2590000 - 600 * i), at(-2600000 - 600 * i) FROM n;
            INSERT INTO cost_events (session_key, input_tokens, output_tokens, created_at)
            SELECT 'scheduler:sched:j' || i, 1, 1, at(-2600000 - 600 * i) FROM n ORDER BY i DESC;
            INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, last_run_at, next_run_at)
            VALUES ('live', 'live', {hourly}, iso(-60), iso(3540));
            INSERT INTO cost_events (session_key, input_tokens, output_tokens, created_at)
            SELECT 'scheduler:sched:live', 1, 1, at((i - {n}) * 3600 - 60) FROM n WHERE i > {n} - 700",
    },
    Growing {
        name: "sessions that may be runs in flight",
        n: 2_000,
        sql: "INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, last_run_at, next_run_at)
            SELECT 'j' || i, 'j' || i, {hourly}, iso(-90000 - i), iso(-60) FROM n;
            INSERT INTO sessions (session_key, last_active_at) SELECT 'scheduler:sched:j' || i, at(-30) FROM n",
    },
    Growing {
        name: "rows that restarts may have rewritten",
        n: 2_000,
        sql: r#"INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, last_run_at, next_run_at, created_at)
            SELECT 'j' || i, 'j' || i, 'every', '{"intervalMs":86400000}', iso(-90000), iso(3600.2), at(-999999) FROM n;
            INSERT INTO sessions (session_key, last_active_at) VALUES ('scheduler:sched:j1', at(-30))"#,
    },
    Growing {
        name: "runs of one job that failed",
        n: 20_000,
        sql: r#"INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, last_run_at, next_run_at)
            VALUES ('j', 'j', 'every', '{"intervalMs":1000}', iso(-1), iso(0));
            INSERT INTO cost_events (session_key, input_tokens, output_tokens, created_at)
            SELECT 'scheduler:sched:j', 0, 0, at(i - {n}) FROM n"#,
    },
    Growing {
        name: "silences of one job while others ran",
        n: 2_000,
        sql: "INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, last_run_at, next_run_at)
            SELECT 'j' || i, 'j' || i, {hourly}, iso(-300), iso(3300) FROM n;
            INSERT INTO cost_events (session_key, input_tokens, output_tokens, created_at)
            SELECT 'scheduler:sched:j' || i, 1, 1, at(t) FROM n, (WITH RECURSIVE s(t) AS (SELECT -518400 UNION ALL SELECT t + 21600 FROM s WHERE t < -21600) SELECT t FROM s)
            WHERE t NOT BETWEEN -432000 + 432000 * i / {n} AND -388800 + 432000 * i / {n} ORDER BY t, i",
    },
    Growing {
        name: "pairs of jobs that fail by the same error",
        n: 2_000,
        sql: "INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, last_run_at, next_run_at, last_run_status,
              last_run_error, consecutive_errors, last_run_duration_ms)
            SELECT 'j' || i, 'j' || i, {hourly}, iso(-3000), iso(600), 'error',
              'failed in ' || char(97 + i / 2 % 26, 97 + i / 52 % 26, 97 + i / 1352 % 26),
              4, 60000 FROM n",
    },
    Growing {
        name: "jobs that went, and others that were made",
        n: 900,
        sql: "INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, last_run_at, next_run_at, created_at)
            SELECT 'j' || i, 'j' || i, {hourly}, iso(-300), iso(3300), at(-400000 + i) FROM n;
            INSERT INTO cost_events (session_key, input_tokens, output_tokens, created_at)
            SELECT 'scheduler:sched:g' || i, 1, 1, at(t + i % 3000) FROM n,
              (WITH RECURSIVE s(t) AS (SELECT -518400 UNION ALL SELECT t + 43200 FROM s WHERE t < -390000) SELECT t FROM s) ORDER BY 4",
    },
    Growing {
        name: "pauses of one job",
        n: 4_000,
        sql: "INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, last_run_at, next_run_at)
            VALUES ('j', 'j', {hourly}, iso(-1800), iso(1800));
            INSERT INTO cost_events (session_key, input_tokens, output_tokens, created_at)
            SELECT 'scheduler:sched:j', 1, 1, at(-518400 + 3600 * i) FROM n WHERE i < 144 AND i % 7 > 0;
            INSERT INTO scheduler_audit_log (job_id, action, created_at)
            SELECT 'j', iif(i % 2, 'pause', 'resume'), at(-518400 + 518400 * i / {n}) FROM n",
    },
];

/// Runs of OpenClaw, with the index that its scheduler has.
const RUNS_OF_OPENCLAW: Growing = Growing {
    name: "runs of 100 jobs of OpenClaw",
    n: 20_000,
    sql: r#"CREATE INDEX idx_task_runs_runtime_source_ended ON task_runs (runtime, source_id, ended_at, created_at, task_id);
        INSERT INTO cron_jobs (store_key, job_id, name, enabled, payload_kind, job_json, state_json, updated_at)
        SELECT 's', 'j' || i, 'j' || i, 1, '', '{"schedule":{"kind":"every","everyMs":' || (43200000000 / {n}) || '},"payload":{"kind":"agentTurn"}}',
          '{"nextRunAtMs":' || (unixepoch('{now}') * 1000 + 60000) || '}', 0 FROM n WHERE i <= 100;
        INSERT INTO task_runs (task_id, runtime, source_id, owner_key, task, status, delivery_status, created_at, started_at, ended_at, detail_json)
        SELECT i, 'cron', 'j' || (i % 100 + 1), '', '', '', '', 0, t, t + 10,
          '{"kind":"cron-run","status":"ok","error":null,"summary":"Done.","storeKey":"s","model":"m","usage":{"input_tokens":1000,"output_tokens":200}}'
          FROM (SELECT i, unixepoch('{now}') * 1000 - 432000000 / {n} * ({n} - i) - 60000 AS t FROM n)"#,
};

/// Prints what each costs at n and at ten times n.
pub fn measure() {
    println!("\n{:<46}{:>12}{:>12}{:>10}", "growth", "n", "10 n", "times");
    let all = CASES.into_iter().map(|case| (PHANTOM, case)).chain([(OPENCLAW, RUNS_OF_OPENCLAW)]);
    for (tables, case) in all {
        let [one, ten] = [case.n, 10 * case.n].map(|n| {
            let sql = case.sql.replace("{hourly}", HOURLY);
            let database = Generated::new(&format!("growth-{n}"), tables, n, &sql);
            best(3, &mut audit("json", &[database.path()])).cpu
        });
        let times = ten.as_secs_f64() / one.as_secs_f64();
        println!("{:<46}{one:>12.1?}{ten:>12.1?}{times:>10.1}", format!("{} {}", case.n, case.name));
        assert!(times < MOST, "{}: ten times as much costs {times:.0} times as much", case.name);
    }
}
