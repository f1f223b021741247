-- The application's tables.
-- Locks: the write lock of the file. Index: none is read.
CREATE TABLE users (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL,
    email      TEXT NOT NULL UNIQUE,
    request_id TEXT NOT NULL UNIQUE,
    greeted    INTEGER NOT NULL DEFAULT FALSE
) STRICT;

-- Codes with which a few can sign up.
CREATE TABLE invitations (
    code   TEXT PRIMARY KEY,
    places INTEGER NOT NULL CHECK (places >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE analytics (
    key     TEXT PRIMARY KEY,
    event   TEXT NOT NULL,
    user_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE airports (
    iata      TEXT PRIMARY KEY,
    name      TEXT NOT NULL,
    city      TEXT NOT NULL,
    state     TEXT NOT NULL,
    country   TEXT NOT NULL,
    latitude  REAL NOT NULL,
    longitude REAL NOT NULL,
    geohash   TEXT NOT NULL,
    -- Which import wrote it.
    sheet     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
