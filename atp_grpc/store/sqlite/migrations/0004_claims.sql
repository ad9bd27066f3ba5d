-- Request ids that were claimed, and what they were answered with.
CREATE TABLE claims (
    -- The tenant, the method and the request id, a line feed between them.
    name TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    -- Of the request that the id stands for.
    digest BLOB NOT NULL,
    -- Names the very claim: only who made it may answer or free it.
    holder BIGINT NOT NULL,
    expires_nanos BIGINT NOT NULL,
    -- 0 while it is executed, and when a process ended while it was.
    is_answered INTEGER NOT NULL CHECK (is_answered IN (0, 1)),
    -- A decision's id; outlives the answer.
    tombstone TEXT NOT NULL,
    -- NULL before there is an answer, and after it was evicted.
    response BLOB,
    -- Grows with every use among the tenant's answers: the lowest goes first.
    used BIGINT NOT NULL
);
CREATE INDEX claims_by_expiry ON claims (tenant, is_answered, expires_nanos);
CREATE INDEX claims_by_use ON claims (tenant, used) WHERE response IS NOT NULL;
CREATE INDEX claims_by_moment ON claims (expires_nanos);

-- What a tenant's claims take together, so that nobody has to add it up.
CREATE TABLE claim_totals (
    tenant TEXT NOT NULL PRIMARY KEY,
    ids BIGINT NOT NULL,
    response_bytes BIGINT NOT NULL
) WITHOUT ROWID;
