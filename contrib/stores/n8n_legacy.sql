-- The tables of n8n that matter here.
CREATE TABLE workflow_entity (id VARCHAR(36) PRIMARY KEY, name VARCHAR(128) NOT NULL, active BOOLEAN NOT NULL, nodes TEXT, settings TEXT,
  createdAt DATETIME NOT NULL);
CREATE TABLE execution_entity (id INTEGER PRIMARY KEY AUTOINCREMENT, workflowId VARCHAR(36) NOT NULL, mode VARCHAR NOT NULL,
  status VARCHAR NOT NULL, startedAt DATETIME, stoppedAt DATETIME);
