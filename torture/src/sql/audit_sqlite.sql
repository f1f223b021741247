-- Purpose: writes down every change of every job, in the transaction that makes it, so that the
--          history holds exactly what was committed.
-- Locks:   the write lock of the file, under which the job changes: the numbers are the order of
--          all changes.
-- Index:   the primary key, which is the number.
CREATE TABLE torture_audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job INTEGER NOT NULL,
    old TEXT,
    new TEXT,
    at INTEGER NOT NULL DEFAULT (CAST(round(unixepoch('subsec') * 1000000) AS INTEGER))
) STRICT;

CREATE TABLE torture_app (key TEXT PRIMARY KEY) STRICT;

CREATE TRIGGER torture_inserted AFTER INSERT ON oban_jobs BEGIN
    INSERT INTO torture_audit (job, new) VALUES (new.id, {new});
END;

CREATE TRIGGER torture_updated AFTER UPDATE ON oban_jobs BEGIN
    INSERT INTO torture_audit (job, old, new) VALUES (new.id, {old}, {new});
END;

CREATE TRIGGER torture_deleted AFTER DELETE ON oban_jobs BEGIN
    INSERT INTO torture_audit (job, old) VALUES (old.id, {old});
END;
