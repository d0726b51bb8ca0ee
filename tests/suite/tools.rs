//! Other programs that read what we write: each test runs the real one, and is skipped where it is not installed.

use crate::{History, INCIDENT_TIME, command, fixture, run};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The usual PATH with the tested binary before it, and with where Debian puts daemons behind it.
pub static PATH_WITH_BINARY: LazyLock<String> = LazyLock::new(|| {
    let binary = Path::new(env!("CARGO_BIN_EXE_sched-audit")).parent().unwrap();
    format!("{}:{}:/usr/sbin", binary.display(), std::env::var("PATH").unwrap_or_default())
});

/// Whether a program is installed. With SCHED_AUDIT_TOOLS=required, as CI sets it, all must be.
pub fn have(program: &str) -> bool {
    let found = PATH_WITH_BINARY.split(':').any(|directory| Path::new(directory).join(program).is_file());
    let required = std::env::var_os("SCHED_AUDIT_TOOLS").is_some_and(|value| value == "required");
    assert!(found || !required, "{program} is not installed");
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

fn tool(program: &str, arguments: &[&str], directory: &Path) -> Output {
    let mut tool = Command::new(program);
    tool.args(arguments).current_dir(directory).env("PATH", PATH_WITH_BINARY.as_str()).env("TZ", "UTC");
    tool.output().unwrap_or_else(|error| panic!("{program}: {error}"))
}

/// Runs a program that must succeed, and returns what it prints.
fn succeed(program: &str, arguments: &[&str], directory: &Path) -> String {
    let output = tool(program, arguments, directory);
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    said
}

/// A directory with a file in it.
fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, text).unwrap();
    (directory, path)
}

/// A recipe, as it is installed.
fn contrib(path: &str) -> String {
    std::fs::read_to_string(Path::new("contrib").join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The same text for this machine: the binary under test and a database that is there.
fn local(text: &str, database: &Path) -> String {
    text.replace("/usr/local/bin/sched-audit", env!("CARGO_BIN_EXE_sched-audit"))
        .replace("/app/data/phantom.db", database.to_str().unwrap())
        .replace("/opt/phantom/data/phantom.db", database.to_str().unwrap())
}

fn metrics() -> String {
    let fleet = ["--format", "prometheus", "--recursive", "fixtures", "no/such.db"];
    run(&[&fleet, INCIDENT_TIME.as_slice()].concat()).out
}

#[test]
fn promtool_accepts_the_metrics() {
    if have("promtool") {
        for text in [metrics(), run(&["--format", "prometheus", "--now", "yesterday"]).out] {
            let (directory, path) = file("metrics", &text);
            let script = format!("promtool check metrics < {}", path.display());
            let said = succeed("sh", &["-c", &script], directory.path());
            assert!(said.is_empty(), "{said}");
        }
    }
}

/// A program in the background, which ends with the test.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn scrape(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

#[test]
fn node_exporter_serves_every_series() {
    if !have("prometheus-node-exporter") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("sched-audit.prom");
    let arguments =
        ["--format", "prometheus", "--recursive", "fixtures", "no/such.db", "--output", output.to_str().unwrap()];
    assert_eq!(run(&[&arguments, INCIDENT_TIME.as_slice()].concat()).code, 2);
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let exporter = Command::new("prometheus-node-exporter")
        .args(["--collector.disable-defaults", "--collector.textfile"])
        .arg(format!("--collector.textfile.directory={}", directory.path().display()))
        .arg(format!("--web.listen-address={address}"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _exporter = Daemon(exporter);
    let give_up = Instant::now() + Duration::from_secs(20);
    let served = loop {
        match scrape(&address) {
            Some(text) => break text,
            None if Instant::now() < give_up => std::thread::sleep(Duration::from_millis(20)),
            None => panic!("node_exporter does not answer"),
        }
    };
    assert!(served.contains("\nnode_textfile_scrape_error 0\n"), "{served}");
    let written = std::fs::read_to_string(output).unwrap();
    let series = written.lines().filter_map(|line| line.rsplit_once(' ')).filter(|(name, _)| !name.starts_with('#'));
    let mut count = 0;
    for (name, _) in series {
        assert!(served.contains(&format!("\n{name} ")), "{name}");
        count += 1;
    }
    assert!(count > 500, "{count}");
}

#[test]
fn the_alert_rules_fire_when_they_should_and_only_then() {
    if have("promtool") {
        let (directory, path) = file("sched-audit.rules.yml", &contrib("prometheus/sched-audit.rules.yml"));
        succeed("promtool", &["check", "rules", path.to_str().unwrap()], directory.path());
        std::fs::write(directory.path().join("test.yml"), include_str!("alerts.yml")).unwrap();
        succeed("promtool", &["test", "rules", "test.yml"], directory.path());
    }
}

#[test]
fn alertmanager_routes_the_alerts_to_the_operator() {
    if have("amtool") {
        let (directory, path) = file("alertmanager.yml", &contrib("alertmanager/alertmanager.yml"));
        let config = format!("--config.file={}", path.display());
        succeed("amtool", &["check-config", path.to_str().unwrap()], directory.path());
        for line in contrib("prometheus/sched-audit.rules.yml").lines() {
            let Some(alert) = line.trim().strip_prefix("- alert: ") else { continue };
            let label = format!("alertname={alert}");
            let receiver = succeed("amtool", &["config", "routes", "test", &config, &label], directory.path());
            assert!(receiver.starts_with("operator"), "{alert}: {receiver}");
        }
    }
}

#[test]
fn icinga_accepts_and_runs_the_command() {
    if !have("icinga2") {
        return;
    }
    let (directory, path) =
        file("sched-audit.conf", &local(&contrib("icinga/sched-audit.conf"), &fixture("incident.db")));
    let config = format!(
        "const PluginDir = \"/usr/lib/nagios/plugins\"\nconst NodeName = \"agent\"\nconst ZoneName = NodeName\ninclude <itl>\n\
         include \"{}\"\nobject Endpoint NodeName {{}}\nobject Zone ZoneName {{ endpoints = [ NodeName ] }}\n\
         object User \"icingaadmin\" {{}}\n\
         object NotificationCommand \"mail-service-notification\" {{ command = [ \"/bin/true\" ] }}\n\
         object Host \"agent\" {{ check_command = \"dummy\"\n vars.sched_audit_database = \"{}\" }}\n",
        path.display(),
        fixture("incident.db").display()
    );
    let main = directory.path().join("main.conf");
    std::fs::write(&main, config).unwrap();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let own =
        ["DataDir", "CacheDir", "LogDir", "SpoolDir", "InitRunDir"].map(|name| format!("-D{name}={}", data.display()));
    let user = String::from_utf8(tool("id", &["-un"], directory.path()).stdout).unwrap();
    let run_as = [format!("-DRunAsUser={}", user.trim()), format!("-DRunAsGroup={}", user.trim())];
    let mut arguments = vec!["daemon", "-C", "-c", main.to_str().unwrap()];
    arguments.extend(own.iter().chain(&run_as).map(String::as_str));
    let said = succeed("icinga2", &arguments, directory.path());
    for object in ["1 Service", "1 Notification", "CheckCommands"] {
        assert!(said.contains(&format!("Instantiated {object}")) || said.contains(object), "{said}");
    }
}

#[test]
fn systemd_accepts_the_unit_and_timer_and_calls_the_sandbox_safe() {
    if !have("systemd-analyze") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for name in ["sched-audit.service", "sched-audit.timer"] {
        let text = local(&contrib(&format!("systemd/{name}")), &fixture("incident.db"));
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let said =
        succeed("systemd-analyze", &["verify", "./sched-audit.service", "./sched-audit.timer"], directory.path());
    assert!(!said.contains("sched-audit"), "{said}");
    // The sandbox forbids chown, which --output may try: the audit must not die of it.
    assert!(contrib("systemd/sched-audit.service").contains("\nSystemCallErrorNumber=EPERM\n"));
    let rating = succeed(
        "systemd-analyze",
        &["security", "--offline=true", "--threshold=10", "./sched-audit.service"],
        directory.path(),
    );
    assert!(rating.contains(": 0.6 SAFE"), "{rating}");
}

/// The commands of the crontab, in the order of the file.
fn crontab_commands() -> Vec<String> {
    let text = contrib("crontab");
    let lines = text.lines().filter(|line| line.starts_with('*'));
    lines.map(|line| line.splitn(6, ' ').nth(5).unwrap().trim().to_owned()).collect()
}

#[test]
fn crontab_line_prints_the_table_only_while_critical() {
    let script = &crontab_commands()[0];
    let quiet = History::new();
    let of = |database: &Path| tool("sh", &["-c", &local(script, database)], Path::new("/"));
    let (critical, healthy) = (of(&fixture("incident.db")), of(&quiet.path));
    assert_eq!(critical.status.code(), Some(2));
    assert!(String::from_utf8(critical.stdout).unwrap().contains("heartbeat"));
    assert_eq!((healthy.status.code(), healthy.stdout.len(), healthy.stderr.len()), (Some(0), 0, 0));
}

/// Answers requests until it is dropped, and keeps them.
struct Listener {
    address: String,
    requests: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

impl Listener {
    fn start() -> Listener {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let requests = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let kept = requests.clone();
        std::thread::spawn(move || {
            for mut stream in socket.incoming().flatten() {
                stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
                let (mut request, mut buffer) = (String::new(), [0; 4096]);
                while let Ok(read) = stream.read(&mut buffer) {
                    request += &String::from_utf8_lossy(&buffer[..read]);
                    let length =
                        request.split("Content-Length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
                    let whole =
                        request.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length.unwrap_or(0));
                    if read == 0 || whole {
                        break;
                    }
                }
                kept.lock().unwrap().push(request);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        Listener { address, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

#[test]
fn ping_carries_the_exit_code_and_webhook_the_news_once() {
    if !have("curl") {
        return;
    }
    let (listener, home) = (Listener::start(), tempfile::tempdir().unwrap());
    let shell = |command: &str| {
        let command = local(command, &fixture("incident.db"))
            .replace("https://hc-ping.com", &format!("http://{}", listener.address))
            .replace("https://ntfy.sh", &format!("http://{}", listener.address))
            .replace("/usr/bin/curl", "curl");
        let mut shell = Command::new("sh");
        shell.args(["-c", &command]).env("PATH", PATH_WITH_BINARY.as_str()).env("HOME", home.path());
        shell.env_remove("XDG_STATE_HOME").env_remove("http_proxy").env("no_proxy", "*");
        shell.output().unwrap()
    };
    let commands = crontab_commands();
    shell(&commands[2]);
    assert!(listener.requests()[0].starts_with("GET /UUID/2 "), "{:?}", listener.requests());
    shell(&commands[3]);
    let posted = listener.requests()[1..].to_vec();
    let is_news = |post: &String| post.starts_with("POST /TOPIC ") && post.contains("Title: CRITICAL on ");
    assert!(
        posted.iter().all(is_news) && posted.concat().contains("Error     Claude Code process exited"),
        "{posted:?}"
    );
    shell(&commands[3]);
    assert_eq!(listener.requests().len(), 1 + posted.len(), "told once");
    assert!(String::from_utf8(shell(&commands[1]).stdout).unwrap().is_empty(), "the same state file");
}

#[test]
fn ci_step_audits_a_backup_as_of_its_commit() {
    let directory = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str], date: &str| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(arguments).current_dir(directory.path());
        assert!(git.env("GIT_COMMITTER_DATE", date).output().unwrap().status.success(), "{arguments:?}");
    };
    let backup = directory.path().join("backup/phantom.db");
    std::fs::create_dir(backup.parent().unwrap()).unwrap();
    git(&["init", "-q"], "");
    let workflow = contrib("ci/github.yml");
    let (_, run) = workflow.rsplit_once("run: |\n").unwrap();
    let script: String = run.lines().map(|line| format!("{}\n", line.trim())).collect();
    for (name, made, code, annotations) in
        [("incident.db", "2026-04-30T12:00:00Z", 2, 1), ("healthy.db", "2026-03-12T00:13:20Z", 0, 0)]
    {
        std::fs::copy(fixture(name), &backup).unwrap();
        git(&["add", "-A"], made);
        git(&["commit", "-q", "-m", "backup"], made);
        std::fs::write(directory.path().join("notes"), name).unwrap();
        git(&["add", "-A"], made);
        git(&["commit", "-q", "-m", "notes"], "2026-11-11T11:11:11Z");
        let step = tool("bash", &["-e", "-c", &script], directory.path());
        let out = String::from_utf8(step.stdout).unwrap();
        assert_eq!((step.status.code(), out.matches("::error ").count()), (Some(code), annotations), "{out}");
    }
}

#[test]
fn an_independent_parser_reads_the_test_results() {
    if have("xmllint") {
        let all = [&["--format", "junit", "--recursive", "fixtures", "no/such.db"], INCIDENT_TIME.as_slice()].concat();
        let (directory, path) = file("report.xml", &run(&all).out);
        let count = |query: &str| {
            succeed("xmllint", &["--xpath", query, path.to_str().unwrap()], directory.path()).trim().to_owned()
        };
        assert_eq!(count("string(//testsuite[@name='fixtures/incident.db']/@failures)"), "1");
        assert_eq!(count("string(//testsuite[@name='fixtures/incident.db']//failure/@type)"), "job-failing");
        assert_eq!(count("count(//testsuite[@name='fixtures/incident.db']/testcase)"), "6");
        assert_eq!(count("string(//testsuite[@name='no/such.db']/@errors)"), "1");
    }
}

/// The names of metrics in a text.
fn names_of_metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("sched_audit_")).collect()
}

#[test]
fn dashboard_shows_every_metric_of_the_chosen_hosts_and_databases() {
    let dashboard: serde_json::Value = serde_json::from_str(&contrib("grafana/sched-audit.json")).unwrap();
    let source = include_str!("../../src/report/prometheus.rs");
    let known: BTreeSet<&str> = source.split('"').filter(|word| names_of_metrics(word).first() == Some(word)).collect();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let queries: Vec<&str> = panels
        .flat_map(|panel| panel["targets"].as_array().unwrap())
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    let asked: BTreeSet<&str> = queries.iter().flat_map(|query| names_of_metrics(query)).collect();
    assert!(known.len() >= 26);
    assert_eq!(asked, known);
    for query in queries {
        let selected = query.matches("{instance=~\"$instance\", database=~\"$database\"").count();
        assert_eq!(selected, query.matches("sched_audit_").count(), "{query}");
    }
}

#[test]
fn launchd_tells_of_an_incident_by_a_notification() {
    let text = contrib("launchd/sched-audit.plist");
    let (directory, path) = file("sched-audit.plist", &text);
    if have("xmllint") {
        succeed("xmllint", &["--nonet", "--noout", path.to_str().unwrap()], directory.path());
    }
    let (_, arguments) = text.split_once("<array>").unwrap();
    let arguments: Vec<&str> = arguments
        .split_once("</array>")
        .unwrap()
        .0
        .split("<string>")
        .filter_map(|rest| Some(rest.split_once("</string>")?.0))
        .collect();
    assert_eq!(arguments[0], "/usr/local/bin/sched-audit");
    std::fs::write(directory.path().join("osascript"), "#!/bin/sh\nprintf '%s\\n' \"$@\" > told\n").unwrap();
    succeed("chmod", &["+x", "osascript"], directory.path());
    let mut call = command();
    call.args(&arguments[1..]).arg(fixture("incident.db")).current_dir(directory.path());
    call.env("PATH", format!("{}:/usr/bin:/bin", directory.path().display())).env("XDG_STATE_HOME", directory.path());
    call.output().unwrap();
    let told = std::fs::read_to_string(directory.path().join("told")).unwrap();
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(told[..3], ["-e", "on run argv", "-e"]);
    assert!(told[3].starts_with("display notification (item 1 of argv) "), "{told:?}");
    assert!(told[6].starts_with("CRITICAL on "), "{told:?}");
    assert_eq!(told.len(), 7);
}

#[test]
fn npm_package_starts_the_binary_of_its_platform_and_ends_as_it_does() {
    if !have("node") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let launcher = directory.path().join("sched-audit.js");
    std::fs::copy("contrib/npm/sched-audit.js", &launcher).unwrap();
    let call = |arguments: &[&str]| tool("node", &[&[launcher.to_str().unwrap()], arguments].concat(), Path::new("."));
    let missing = call(&["--version"]);
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(missing.status.code() == Some(3) && said.contains("is not supported"), "{said}");
    let platform = succeed("node", &["-p", "`${process.platform}-${process.arch}`"], directory.path());
    let binaries = directory.path().join("binaries").join(platform.trim());
    std::fs::create_dir_all(&binaries).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sched-audit"), binaries.join("sched-audit")).unwrap();
    let incident = call(&[&["fixtures/incident.db"], INCIDENT_TIME.as_slice()].concat());
    assert_eq!(incident.status.code(), Some(2));
    assert!(String::from_utf8(incident.stdout).unwrap().contains("heartbeat has not run"));
}

#[test]
fn skill_says_what_the_binary_can_do_and_that_it_is_no_alarm() {
    let skill = contrib("skill/SKILL.md");
    assert!(skill.starts_with("---\nname: sched-audit\ndescription: ") && skill.contains("dead"), "{skill}");
    let help = run(&["--help"]).out;
    let options = skill.split([' ', '`', '\n']).filter(|word| word.starts_with("--") && word.len() > 3);
    for option in options {
        assert!(help.contains(option), "{option}");
    }
    let json = run(&[&["--format", "json", "fixtures/incident.db"], INCIDENT_TIME.as_slice()].concat()).json();
    for key in ["severity", "headline", "since", "next_step"] {
        assert!(skill.contains(key) && json["incidents"][0].get(key).is_some(), "{key}");
    }
}

#[test]
fn a_release_has_notes_and_the_version_that_recipes_name() {
    let notes = |version: &str| tool("contrib/release/notes", &[version], Path::new("."));
    let first = String::from_utf8(notes("0.1.0").stdout).unwrap();
    assert!(!first.trim().is_empty() && !first.contains("## ["), "{first}");
    let none = notes("0.1");
    assert!(!none.status.success() && String::from_utf8(none.stderr).unwrap().contains("no section 0.1"));
    let version = succeed("contrib/release/version", &[], Path::new("."));
    assert_eq!(version.trim(), env!("CARGO_PKG_VERSION"));
    assert!(contrib("ci/github.yml").contains(&format!("/releases/download/v{}\n", version.trim())));
}

#[test]
fn the_shells_accept_their_completions_and_mandoc_the_man_page() {
    let accept = |what: &str, program: &str, arguments: &[&str]| {
        if have(program) {
            let (directory, path) = file(what, &run(&["--generate", what]).out);
            succeed(program, &[arguments, &[path.to_str().unwrap()]].concat(), directory.path());
        }
    };
    accept("complete-bash", "bash", &["-n"]);
    accept("complete-zsh", "zsh", &["-n"]);
    accept("complete-fish", "fish", &["--no-execute"]);
    accept("man", "mandoc", &["-T", "lint", "-W", "error"]);
}

#[test]
fn bash_completes_options_and_their_values() {
    let (directory, path) = file("completion", &run(&["--generate", "complete-bash"]).out);
    let complete = |words: &str, last: usize| {
        let script = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD={last}; _sched__audit sched-audit \"${{COMP_WORDS[{last}]}}\" \
             \"${{COMP_WORDS[{last} - 1]}}\"; echo ${{COMPREPLY[@]}}",
            path.display()
        );
        succeed("bash", &["-c", &script], directory.path())
    };
    assert_eq!(complete("sched-audit --recur", 1).trim(), "--recursive");
    assert_eq!(complete("sched-audit --format pro", 2).trim(), "prometheus");
}

#[test]
fn progress_is_shown_on_a_terminal_only_and_leaves_nothing_behind() {
    let slow = History::in_commit();
    if have("script") {
        let audit = format!(
            "{} --timeout 1800ms -f json {} > /dev/null",
            env!("CARGO_BIN_EXE_sched-audit"),
            slow.path.display()
        );
        let said = tool("script", &["-qec", &audit, "/dev/null"], slow.directory.path());
        let terminal = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(terminal.contains("0 of 1 databases audited, 1s"), "{terminal:?}");
        let last = terminal.rsplit("\x1b[2K").next().unwrap();
        assert!(last.starts_with("sched-audit: ") || last.contains("\rsched-audit: "), "{terminal:?}");
    }
}
