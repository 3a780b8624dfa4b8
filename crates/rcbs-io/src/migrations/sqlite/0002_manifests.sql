-- Version 2: recordings with stored files that have yet to be written into a manifest.
--
-- A row for each recording of which something was stored since the last manifest was closed. So a run finds what to
-- write by what has changed, however large the archive is. States: 0 in no manifest, 1 in the manifest that is still
-- open, 2 in the open manifest as it was before it changed again.

CREATE TABLE manifest_backlog (
    recording_id INTEGER PRIMARY KEY REFERENCES recording,
    state        INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2)
) STRICT;

-- What was stored before there were manifests.
INSERT INTO manifest_backlog (recording_id, state)
    SELECT recording_id, 0 FROM recording
    WHERE stored_sha256 IS NOT NULL
       OR EXISTS (SELECT 1 FROM media WHERE media.recording_id = recording.recording_id AND media.state = 3);
