-- Version 4: what became of files before what their rows say now; damage that a verification found; the run that has
-- begun.

-- The past of a file, of which its row in "media" tells the present only: a file that was stored at once has no row.
-- Numbers count from 1 on; those between the first and the last that are not there were left out.
--
-- What: 0 failed, 1 fetched and stored, 2 stored where no version of the object is known, 3 found damaged, 4 found
-- whole again, 5 moved aside, 6 lost, 7 announced again.
CREATE TABLE happened (
    recording_id INTEGER NOT NULL REFERENCES recording,
    media_id     TEXT NOT NULL,    -- empty for the metadata
    number       INTEGER NOT NULL CHECK (number > 0),
    what         INTEGER NOT NULL CHECK (what BETWEEN 0 AND 7),
    at_ms        INTEGER NOT NULL,
    last_ms      INTEGER,          -- when for the last time, where the same happened several times in a row
    times        INTEGER NOT NULL CHECK (times > 0),
    class        TEXT,             -- of a failure; the harm of a damage; the state before it was announced again
    words        TEXT,             -- the reason, the check or the path
    len_bytes    INTEGER CHECK (len_bytes >= 0),
    PRIMARY KEY (recording_id, media_id, number)
) STRICT, WITHOUT ROWID;

-- Files that were found missing or damaged while their entry says that they are stored. A row goes when the entry
-- changes, or when the file is found whole.
CREATE TABLE damage (
    recording_id INTEGER NOT NULL REFERENCES recording,
    media_id     TEXT NOT NULL,    -- empty for the metadata
    harm         TEXT NOT NULL,
    reason       TEXT NOT NULL,
    found_ms     INTEGER NOT NULL,
    PRIMARY KEY (recording_id, media_id)
) STRICT, WITHOUT ROWID;

-- The run that has begun and has not ended; at most one row.
CREATE TABLE begun (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    command    TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    seen_ms    INTEGER NOT NULL    -- when it last wrote what became of a file
) STRICT;
