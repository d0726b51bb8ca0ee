-- The tables of n8n's durable scheduler that matter here.
CREATE TABLE scheduled_job (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(255) NOT NULL, kind VARCHAR(16) NOT NULL,
  cronExpression VARCHAR(255), timezone VARCHAR(64), intervalSeconds INTEGER, fireAt DATETIME, enabled BOOLEAN NOT NULL DEFAULT 1,
  nextRunAt DATETIME, lastFiredAt DATETIME, createdAt DATETIME NOT NULL);
CREATE TABLE scheduled_task (id INTEGER PRIMARY KEY AUTOINCREMENT, jobId INTEGER NOT NULL, scheduledFor DATETIME NOT NULL,
  status VARCHAR(16) NOT NULL, startedAt DATETIME, finishedAt DATETIME, errorMessage TEXT);
