-- Observations and decisions, many in one row. No release has written the tables this replaces, so what a checkout kept
-- in them is not carried over; checkpoints are, and with them what was learned.

DROP TABLE decisions;
DROP TABLE outcome_fields;
DROP TABLE observations;

-- Decisions made within a few seconds, whose ids begin alike.
CREATE TABLE decision_segments (
    -- Grows: of two decisions of one id the one with the lower number stands.
    number INTEGER NOT NULL PRIMARY KEY,
    -- The first nine characters of each id.
    prefix TEXT NOT NULL,
    -- When the youngest was made.
    last_nanos BIGINT NOT NULL,
    -- CRC-32 of each id, then the length of each record: 4 bytes little-endian each.
    directory BLOB NOT NULL,
    -- The records (atp_grpc/store/decision_codec.py), one after the other.
    records BLOB NOT NULL
);
CREATE INDEX decision_segments_by_prefix ON decision_segments (prefix);
CREATE INDEX decision_segments_by_moment ON decision_segments (last_nanos);

-- What was learned from, in the order it was learned: the observations of one commit, numbered from the first on.
CREATE TABLE observation_segments (
    first_sequence INTEGER NOT NULL PRIMARY KEY,
    -- When the youngest was made.
    last_nanos BIGINT NOT NULL,
    -- A JSON array: the tenant, a line feed and the decision's id, by observation.
    decisions TEXT NOT NULL,
    -- The length of each record: 4 bytes little-endian.
    lengths BLOB NOT NULL,
    -- The records (atp_grpc/store/observation_codec.py), one after the other.
    records BLOB NOT NULL
);
CREATE INDEX observation_segments_by_moment ON observation_segments (last_nanos);

-- Where to find what stands for a decision: in its latest observation.
CREATE TABLE outcomes (
    -- The tenant, a line feed and the decision's id.
    decision TEXT NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL
) WITHOUT ROWID;
