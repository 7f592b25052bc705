-- The tables of the journal. integrity_check knows nothing of a byte that changed inside a text: that is what the crc of the lasting
-- columns is for. The totals spare every batch a count of a million rows.
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
    event_id TEXT PRIMARY KEY NOT NULL, image_id TEXT NOT NULL, user_id TEXT NOT NULL, source_kind TEXT NOT NULL,
    source TEXT NOT NULL, created_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'uploading', 'stored', 'failed', 'erased')),
    reason TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT 0, next_try INTEGER NOT NULL,
    owner TEXT NOT NULL DEFAULT '', store TEXT NOT NULL DEFAULT '', sha256 TEXT NOT NULL DEFAULT '',
    spooled INTEGER NOT NULL DEFAULT 0, updated_at INTEGER NOT NULL, published_at INTEGER NOT NULL DEFAULT -1,
    crc INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (next_try) WHERE owner = '' AND state IN ('pending', 'uploading');
CREATE INDEX IF NOT EXISTS jobs_open ON jobs (created_at) WHERE state IN ('pending', 'uploading');
CREATE INDEX IF NOT EXISTS jobs_leased ON jobs (owner) WHERE owner != '';
CREATE INDEX IF NOT EXISTS jobs_unpublished ON jobs (updated_at) WHERE published_at < updated_at;
CREATE INDEX IF NOT EXISTS jobs_pictures ON jobs (sha256) WHERE sha256 != '';
CREATE TABLE IF NOT EXISTS blobs (
    store TEXT NOT NULL, sha256 TEXT NOT NULL, key TEXT NOT NULL, media_type TEXT NOT NULL, bytes INTEGER NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('uploading', 'stored', 'deleting')), owner TEXT NOT NULL DEFAULT '',
    crc INTEGER NOT NULL, PRIMARY KEY (store, sha256));
CREATE INDEX IF NOT EXISTS blobs_unsettled ON blobs (store) WHERE state != 'stored';
CREATE TABLE IF NOT EXISTS totals (one INTEGER PRIMARY KEY CHECK (one = 1), jobs INTEGER NOT NULL, bytes INTEGER NOT NULL);
INSERT OR IGNORE INTO totals VALUES (1, 0, 0);
CREATE TRIGGER IF NOT EXISTS job_added AFTER INSERT ON jobs WHEN NEW.state IN ('pending', 'uploading')
BEGIN UPDATE totals SET jobs = jobs + 1, bytes = bytes + NEW.spooled; END;
CREATE TRIGGER IF NOT EXISTS job_ended AFTER UPDATE OF state ON jobs
WHEN OLD.state IN ('pending', 'uploading') AND NEW.state NOT IN ('pending', 'uploading')
BEGIN UPDATE totals SET jobs = jobs - 1, bytes = bytes - NEW.spooled; END;
CREATE TRIGGER IF NOT EXISTS job_reopened AFTER UPDATE OF state ON jobs
WHEN OLD.state NOT IN ('pending', 'uploading') AND NEW.state IN ('pending', 'uploading')
BEGIN UPDATE totals SET jobs = jobs + 1, bytes = bytes + NEW.spooled; END;
