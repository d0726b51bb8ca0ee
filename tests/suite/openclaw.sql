CREATE TABLE cron_jobs (store_key TEXT NOT NULL, job_id TEXT NOT NULL, declaration_key TEXT, owner_agent_id TEXT, name TEXT NOT NULL,
  description TEXT, enabled INTEGER NOT NULL, agent_id TEXT, payload_kind TEXT NOT NULL, job_json TEXT NOT NULL,
  state_json TEXT NOT NULL DEFAULT '{}', runtime_updated_at_ms INTEGER, schedule_identity TEXT, sort_order INTEGER NOT NULL DEFAULT 0,
  updated_at INTEGER NOT NULL, PRIMARY KEY (store_key, job_id)) STRICT;
CREATE TABLE cron_run_receipts (receipt_id TEXT PRIMARY KEY, store_key TEXT NOT NULL, job_id TEXT NOT NULL, config_revision TEXT NOT NULL,
  agent_id TEXT NOT NULL, request_run_id TEXT, status TEXT NOT NULL, owner_pid INTEGER NOT NULL, owner_start_time INTEGER,
  started_at_ms INTEGER NOT NULL, finished_at_ms INTEGER, error_text TEXT) STRICT;
CREATE TABLE task_runs (task_id TEXT NOT NULL PRIMARY KEY, runtime TEXT NOT NULL, source_id TEXT, owner_key TEXT NOT NULL, run_id TEXT,
  label TEXT, task TEXT NOT NULL, status TEXT NOT NULL, delivery_status TEXT NOT NULL, created_at INTEGER NOT NULL, started_at INTEGER,
  ended_at INTEGER, error TEXT, detail_json TEXT) STRICT;
CREATE TABLE diagnostic_events (scope TEXT NOT NULL, event_key TEXT NOT NULL, payload_json TEXT NOT NULL, created_at INTEGER NOT NULL,
  sequence INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (scope, event_key)) STRICT;
CREATE TABLE state_leases (scope TEXT NOT NULL, lease_key TEXT NOT NULL, owner TEXT NOT NULL, expires_at INTEGER, heartbeat_at INTEGER,
  payload_json TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, PRIMARY KEY (scope, lease_key)) STRICT;
CREATE TABLE gateway_boot_lifecycle (boot_id TEXT NOT NULL PRIMARY KEY, pid INTEGER NOT NULL, started_at_ms INTEGER NOT NULL,
  completed_at_ms INTEGER, outcome TEXT, startup_reason TEXT, reason TEXT) STRICT;
CREATE TABLE delivery_queue_entries (queue_name TEXT NOT NULL, id TEXT NOT NULL, status TEXT NOT NULL, session_key TEXT, last_error TEXT,
  entry_json TEXT NOT NULL, enqueued_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, failed_at INTEGER, PRIMARY KEY (queue_name, id)) STRICT;
