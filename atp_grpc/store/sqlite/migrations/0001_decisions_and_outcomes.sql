-- Every text column holds ASCII: JSON, or a name escaped like the inside of a JSON string.
-- Moments are Unix nanoseconds.

-- Whose database this is, and how far its observations got; one row. Outlives the observations it counted.
CREATE TABLE replica (
    name TEXT NOT NULL PRIMARY KEY,
    last_sequence BIGINT NOT NULL CHECK (last_sequence >= 0)
);

CREATE TABLE decisions (
    tenant TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    decided_nanos BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, decision_id)
);
CREATE INDEX decisions_by_moment ON decisions (decided_nanos);

-- What stands: each field of a decision's outcome is set once.
CREATE TABLE outcome_fields (
    tenant TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    observed_nanos BIGINT NOT NULL,
    PRIMARY KEY (tenant, decision_id, field)
) WITHOUT ROWID;
CREATE INDEX outcome_fields_by_moment ON outcome_fields (observed_nanos);

-- What was learned from, in the order it was learned. INTEGER, not BIGINT: SQLite makes it the row's own number.
CREATE TABLE observations (
    sequence INTEGER NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    observed_nanos BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX observations_by_moment ON observations (observed_nanos);

CREATE TABLE checkpoints (
    pool TEXT NOT NULL PRIMARY KEY,
    data BLOB NOT NULL,
    saved_nanos BIGINT NOT NULL
);

CREATE TABLE facts (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    written_nanos BIGINT NOT NULL
);
