-- Purpose: the tables of Kerrera in a SQLite file, beside whatever else the file holds.
-- Locks:   the write lock of the file, for some milliseconds.
-- Index:   three small partial ones; a finished job is in none of them.
--
-- `oban_jobs` has the columns of Oban's table. Times are whole microseconds since 1970, in UTC;
-- lists and objects are JSON text.

CREATE TABLE oban_jobs (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    state         TEXT NOT NULL DEFAULT 'available',
    queue         TEXT NOT NULL DEFAULT 'default',
    worker        TEXT NOT NULL,
    args          TEXT NOT NULL DEFAULT '{}',
    meta          TEXT NOT NULL DEFAULT '{}',
    tags          TEXT NOT NULL DEFAULT '[]',
    errors        TEXT NOT NULL DEFAULT '[]',
    attempt       INTEGER NOT NULL DEFAULT 0,
    max_attempts  INTEGER NOT NULL DEFAULT 20,
    priority      INTEGER NOT NULL DEFAULT 0,
    attempted_by  TEXT NOT NULL DEFAULT '[]',
    inserted_at   INTEGER NOT NULL DEFAULT (CAST(round(unixepoch('subsec') * 1000000) AS INTEGER)),
    scheduled_at  INTEGER NOT NULL DEFAULT (CAST(round(unixepoch('subsec') * 1000000) AS INTEGER)),
    attempted_at  INTEGER,
    completed_at  INTEGER,
    discarded_at  INTEGER,
    cancelled_at  INTEGER,
    -- Not as a list: SQLite would make a table of that, and an index, for each row that is written.
    CONSTRAINT known_state CHECK (
        state = 'available' OR state = 'executing' OR state = 'completed' OR state = 'scheduled' OR
        state = 'retryable' OR state = 'cancelled' OR state = 'discarded' OR state = 'suspended'
    ),
    CONSTRAINT queue_length CHECK (length(queue) BETWEEN 1 AND 127),
    CONSTRAINT worker_length CHECK (length(worker) BETWEEN 1 AND 127),
    CONSTRAINT attempt_range CHECK (attempt BETWEEN 0 AND max_attempts),
    CONSTRAINT positive_max_attempts CHECK (max_attempts > 0),
    CONSTRAINT non_negative_priority CHECK (priority >= 0),
    CONSTRAINT json_args CHECK (json_valid(args)),
    CONSTRAINT json_meta CHECK (json_valid(meta)),
    CONSTRAINT json_tags CHECK (json_valid(tags)),
    CONSTRAINT json_errors CHECK (json_valid(errors)),
    CONSTRAINT json_attempted_by CHECK (json_valid(attempted_by))
) STRICT;

-- What a claim walks, in the order in which jobs are claimed.
CREATE INDEX kerrera_available ON oban_jobs (queue, priority, scheduled_at, id)
    WHERE state = 'available';

-- What staging walks, the oldest first.
CREATE INDEX kerrera_due ON oban_jobs (scheduled_at, id) WHERE state IN ('scheduled', 'retryable');

-- What a rescue looks through.
CREATE INDEX kerrera_executing ON oban_jobs (id) WHERE state = 'executing';

-- Who may claim. The process is the one whose lock file says whether it lives. A producer that retired
-- while it ran something claims no more, and stays for as long as its process lives.
CREATE TABLE kerrera_producers (
    uuid          TEXT PRIMARY KEY,
    process       TEXT NOT NULL,
    node          TEXT NOT NULL,
    queue         TEXT NOT NULL,
    max_running   INTEGER NOT NULL,
    enrolled_at   INTEGER NOT NULL,
    retired       INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Which migrations have been applied. `user_version` and `application_id` are the application's.
CREATE TABLE kerrera_schema (
    version       INTEGER PRIMARY KEY,
    applied_at    INTEGER NOT NULL
) STRICT;
