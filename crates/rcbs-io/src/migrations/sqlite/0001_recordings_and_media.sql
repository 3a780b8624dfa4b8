-- Version 1. Times are milliseconds since 1970, UTC; digests are the 32 bytes of SHA-256.
--
-- A recording's id stands once, in "recording"; everything else refers to the number. A media file takes about 500
-- bytes with all indexes.

PRAGMA application_id = 0x72636273; -- "rcbs"

-- What stands before many ids, up to and with the last slash: of folders before the ids of recordings, of locations
-- before the ids of media files.
CREATE TABLE place (
    place_id INTEGER PRIMARY KEY,
    prefix   TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE recording (
    recording_id     INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE,
    start_ms         INTEGER,
    stop_ms          INTEGER,
    place_id         INTEGER REFERENCES place, -- with the id behind it the folder,
    folder           TEXT,                     -- which stands here when it has another form
    caller           TEXT,
    dialed           TEXT,
    agents           TEXT,    -- JSON array of names; NULL when there are none
    announced_sha256 BLOB NOT NULL CHECK (length(announced_sha256) = 32),
    stored_sha256    BLOB CHECK (length(stored_sha256) = 32),
    stored_ms        INTEGER,
    first_seen_ms    INTEGER NOT NULL,
    last_seen_ms     INTEGER NOT NULL, -- only kept up to date while there is something to do
    last_changed_ms  INTEGER NOT NULL,
    open             INTEGER NOT NULL CHECK (open >= 0), -- its media files in a state up to 2
    CHECK ((place_id IS NULL) <> (folder IS NULL))
) STRICT;

-- The work that is left, however many recordings there are.
CREATE INDEX recording_open_by_id ON recording (id) WHERE open > 0;
CREATE INDEX recording_open_by_start ON recording (start_ms) WHERE open > 0;

-- Recipients that were found together in an envelope, as a sorted JSON array.
CREATE TABLE recipients (
    recipients_id INTEGER PRIMARY KEY,
    words         TEXT NOT NULL UNIQUE
) STRICT;

-- States: 0 announced, 1 publishing, 2 waiting, 3 verified, 4 skipped, 5 lost.
CREATE TABLE media (
    recording_id  INTEGER NOT NULL REFERENCES recording,
    id            TEXT NOT NULL,
    state         INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),
    attempts      INTEGER NOT NULL CHECK (attempts >= 0),
    place_id      INTEGER REFERENCES place, -- with the id behind it the location,
    location      TEXT,                     -- which stands here when it has another form
    len_bytes     INTEGER CHECK (len_bytes >= 0),
    sha256        BLOB CHECK (length(sha256) = 32),
    etag          TEXT,
    checked       TEXT,    -- how
    at_ms         INTEGER, -- verified or lost when; waiting until when
    class         TEXT,    -- of the failure a file waits for
    reason        TEXT,    -- why it waits or is lost; the rule that skipped it
    recipients_id INTEGER REFERENCES recipients,
    PRIMARY KEY (recording_id, id),
    CHECK (place_id IS NULL OR location IS NULL),
    -- No lists: each check of one would build a table of its values first.
    CHECK ((state <> 1 AND state <> 3) OR (len_bytes IS NOT NULL AND sha256 IS NOT NULL AND checked IS NOT NULL)),
    CHECK ((state <> 2 AND state <> 3 AND state <> 5) OR at_ms IS NOT NULL),
    CHECK ((state <> 2 AND state < 4) OR reason IS NOT NULL),
    CHECK (state <> 2 OR class IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX media_publishing ON media (recording_id) WHERE state = 1;

-- Media files in each state, and their bytes where verified; kept up to date because counting would take a second for
-- each few million files. 'recording' counts recordings.
CREATE TABLE tally (
    what  TEXT PRIMARY KEY,
    files INTEGER NOT NULL CHECK (files >= 0),
    bytes INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT, WITHOUT ROWID;

INSERT INTO tally (what, files, bytes) VALUES
    ('recording', 0, 0), ('announced', 0, 0), ('publishing', 0, 0), ('waiting', 0, 0),
    ('verified', 0, 0), ('skipped', 0, 0), ('lost', 0, 0);

-- Server faults that belong to no recording.
CREATE TABLE fault (
    fault_id INTEGER PRIMARY KEY,
    what     TEXT NOT NULL UNIQUE,
    first_ms INTEGER NOT NULL,
    last_ms  INTEGER NOT NULL,
    times    INTEGER NOT NULL
) STRICT;

CREATE TABLE run (
    run_id       INTEGER PRIMARY KEY,
    started_ms   INTEGER NOT NULL,
    ended_ms     INTEGER NOT NULL,
    exit_code    INTEGER NOT NULL,
    summary_json TEXT NOT NULL
) STRICT;

-- Small facts about the server, by name.
CREATE TABLE fact (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The ledger's own: 'checkpoint_ms'; 'clean_stop', 1 when the last program that wrote here closed it.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (name, value) VALUES ('clean_stop', 1);
