//! How much memory databases take at most that are out to exhaust it, and ordinary ones.

use crate::database::{Generated, PHANTOM};
use crate::measure::{FORMATS, audit, run};
use std::path::{Path, PathBuf};

/// No database takes more, whatever the format.
const MOST: f64 = 300.0;

/// Twenty thousand jobs with names, ids, and errors of hundreds of four-byte characters, each with a trouble of its own.
const LONG_NAMES: &str = "INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, status, last_run_at, last_run_status,
      last_run_error, consecutive_errors)
    SELECT substr('j' || i || replace(hex(zeroblob(125)), '0', '😀'), 1, 250), 'j' || i || replace(hex(zeroblob(150)), '0', '😀'),
      'cron', '{\"expr\":\"0 * * * *\"}', 'failed', iso(-7200), 'error',
      'e' || i || char(97 + i % 26, 97 + i / 26 % 26, 97 + i / 676 % 26) || replace(hex(zeroblob(350)), '0', '😀'), 10 FROM n";

/// The same with states that no scheduler picks.
const ODD_STATES: &str = "INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, status, last_run_at, last_run_status,
      last_run_error)
    SELECT substr('j' || i || replace(hex(zeroblob(125)), '0', '😀'), 1, 250), 'j' || i || replace(hex(zeroblob(150)), '0', '😀'),
      'cron', '{\"expr\":\"0 * * * *\"}', 's' || i || replace(hex(zeroblob(150)), '0', '😀'), iso(-7200), 'error',
      'e' || replace(hex(zeroblob(350)), '0', '😀') FROM n";

/// Kinds and zones of a mapped store that are as long as its rows are few.
const MAPPED_LONG: &str = "CREATE TABLE jobs (id, kind, schedule, zone, next_run, last_end);
    INSERT INTO jobs SELECT i, hex(zeroblob(30000)) || i, '0 * * * *', hex(zeroblob(30000)) || i, iso(-7200), iso(-9000) FROM n;
    CREATE TABLE runs (job, start, status, error)";

/// Runs of a mapped store that all failed.
const MAPPED_FAILED: &str = "CREATE TABLE jobs (id, kind, schedule, zone, next_run, last_end);
    INSERT INTO jobs SELECT i, 'cron', '* * * * *', NULL, iso(60), iso(-60) FROM n WHERE i <= 100;
    CREATE TABLE runs (job, start, status, error);
    INSERT INTO runs SELECT i % 100 + 1, unixepoch('{now}') - 600000 + i / 2, 'failed', replace(hex(zeroblob(100)), '0', '😀') FROM n";

const MAPPING: &str = r#"
[[store]]
name = "hostile"
tables = ["jobs", "runs"]
jobs = "SELECT id, kind, schedule, zone AS timezone, next_run, last_end FROM jobs"
runs = "SELECT job, start, start + 1 AS \"end\", status, error FROM runs"
kinds = { cron = "cron" }
"#;

/// Prints the peak of each in every format.
pub fn measure(ordinary: &Path) {
    println!("\n{:<46}{:>12}   in the format", "peak memory", "MB");
    let long_names = Generated::new("memory-names", PHANTOM, 20_000, LONG_NAMES);
    let odd_states = Generated::new("memory-odd", PHANTOM, 20_000, ODD_STATES);
    measure_in_all("20,000 long names and errors", &[long_names.path()], &[]);
    measure_in_all("20,000 long names and odd states", &[odd_states.path()], &[]);
    drop((long_names, odd_states));
    let long = Generated::new("memory-mapped", PHANTOM, 5_000, MAPPED_LONG);
    let failed = Generated::new("memory-failed", PHANTOM, 1_000_000, MAPPED_FAILED);
    let config = long.path().with_extension("toml");
    std::fs::write(&config, MAPPING).unwrap();
    let with_config = ["--config", config.to_str().unwrap()];
    measure_in_all("5,000 mapped kinds and zones of 60 kB", &[long.path()], &with_config);
    measure_in_all("1 M mapped runs that failed", &[failed.path()], &with_config);
    std::fs::remove_file(&config).unwrap();
    drop((long, failed));
    let copies: Vec<PathBuf> = (0..8).map(|n| ordinary.with_extension(format!("copy{n}.db"))).collect();
    copies.iter().for_each(|copy| std::fs::copy(ordinary, copy).map(|_| ()).unwrap());
    let paths: Vec<&Path> = copies.iter().map(PathBuf::as_path).collect();
    measure_in_all("eight ordinary databases at once", &paths, &[]);
    copies.iter().for_each(|copy| std::fs::remove_file(copy).unwrap());
}

fn measure_in_all(name: &str, paths: &[&Path], arguments: &[&str]) {
    let peaks = FORMATS.map(|format| (run(audit(format, paths).args(arguments)).peak, format));
    let (peak, format) = peaks.into_iter().max_by(|one, other| one.0.total_cmp(&other.0)).unwrap();
    println!("{name:<46}{peak:>12.0}   {format}");
    assert!(peak < MOST, "{name} takes {peak:.0} MB as {format}");
}
