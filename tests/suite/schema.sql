CREATE TABLE scheduled_jobs (id TEXT PRIMARY KEY, name TEXT, description TEXT, enabled INTEGER DEFAULT 1,
  schedule_kind TEXT, schedule_value TEXT, task TEXT, delivery_channel TEXT, delivery_target TEXT, status TEXT DEFAULT 'active',
  last_run_at TEXT, last_run_status TEXT, last_run_duration_ms INTEGER, last_run_error TEXT, next_run_at TEXT,
  run_count INTEGER DEFAULT 0, consecutive_errors INTEGER DEFAULT 0, delete_after_run INTEGER DEFAULT 0,
  created_at TEXT DEFAULT (datetime('now')), created_by TEXT DEFAULT 'agent', updated_at TEXT DEFAULT (datetime('now')),
  last_delivery_status TEXT);
CREATE TABLE cost_events (id INTEGER PRIMARY KEY AUTOINCREMENT, session_key TEXT NOT NULL, cost_usd REAL, input_tokens INTEGER,
  output_tokens INTEGER, model TEXT, created_at TEXT DEFAULT (datetime('now')));
CREATE TABLE sessions (id INTEGER PRIMARY KEY AUTOINCREMENT, session_key TEXT UNIQUE NOT NULL, channel_id TEXT,
  conversation_id TEXT, status TEXT DEFAULT 'active', turn_count INTEGER DEFAULT 0, created_at TEXT DEFAULT (datetime('now')),
  last_active_at TEXT DEFAULT (datetime('now')));
CREATE TABLE scheduler_audit_log (id INTEGER PRIMARY KEY AUTOINCREMENT, job_id TEXT, job_name TEXT, action TEXT,
  previous_status TEXT, new_status TEXT, actor TEXT, detail TEXT, created_at TEXT DEFAULT (datetime('now')));
