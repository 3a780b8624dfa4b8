-- Version 3: the periods that were listed to their end, so that of a day it can be said that nothing else was announced;
-- metadata that were replaced; and what files were for which no entry speaks.
--
-- Periods neither overlap nor touch each other; those that do are made one.

CREATE TABLE listed (
    since_ms INTEGER PRIMARY KEY,
    until_ms INTEGER NOT NULL, -- not included
    CHECK (until_ms > since_ms)
) STRICT;

-- For reports of a few days out of many years.
CREATE INDEX recording_by_start ON recording (start_ms);

-- Metadata that were replaced by newer ones, as they were stored: zlib of the JSON.
CREATE TABLE metadata_version (
    version_id   INTEGER PRIMARY KEY, -- in the order in which they were replaced
    recording_id INTEGER NOT NULL REFERENCES recording,
    sha256       BLOB NOT NULL CHECK (length(sha256) = 32),
    stored_ms    INTEGER, -- when it was stored
    replaced_ms  INTEGER NOT NULL,
    json_zlib    BLOB NOT NULL
) STRICT;

CREATE INDEX metadata_version_by_recording ON metadata_version (recording_id);

-- SHA-256 of files that no entry calls stored: the manifests of a ledger that was lost name them, or they were verified
-- until their entry was opened again. A row goes when its file is stored or taken over.
CREATE TABLE noted (
    path   TEXT PRIMARY KEY, -- relative to the target
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32)
) STRICT, WITHOUT ROWID;
