-- Purpose: who did what.
-- Locks:   the write lock of the file, for some milliseconds.
-- Index:   by actor, and by target where that is a name and no long query.
--
-- Rows are added in the transaction of what they tell, never changed, and removed when they are old.
CREATE TABLE kerrera_audit (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    at            INTEGER NOT NULL,
    instance      TEXT NOT NULL,
    actor_id      TEXT NOT NULL,
    actor_label   TEXT NOT NULL,
    via           TEXT NOT NULL,
    action        TEXT NOT NULL,
    target_type   TEXT NOT NULL,
    target        TEXT NOT NULL,
    jobs          TEXT NOT NULL,
    count         INTEGER NOT NULL,
    before        TEXT,
    after         TEXT,
    reason        TEXT,
    request_id    TEXT,
    remote_ip     TEXT,
    outcome       TEXT NOT NULL,
    error         TEXT
) STRICT;

CREATE INDEX kerrera_audit_actor ON kerrera_audit (actor_id, id);
CREATE INDEX kerrera_audit_target ON kerrera_audit (target_type, target, id)
    WHERE length(target) <= 200;
