-- Money, in nano-US-dollars: what each tenant may spend, and what each replica may have spent of it.

CREATE TABLE budgets (
    tenant TEXT NOT NULL PRIMARY KEY,
    limit_nano_usd BIGINT NOT NULL CHECK (limit_nano_usd >= 0),
    -- `total`, `day` or `month`.
    period TEXT NOT NULL,
    since_nanos BIGINT NOT NULL
) WITHOUT ROWID;

-- One row for each period of a budget and each replica that had to do with it; only that replica writes it.
CREATE TABLE budget_shares (
    tenant TEXT NOT NULL,
    -- Of the budget; a row whose budget is gone goes with it.
    since_nanos BIGINT NOT NULL,
    start_nanos BIGINT NOT NULL,
    end_nanos BIGINT NOT NULL,
    replica TEXT NOT NULL,
    -- The most that may have been spent. Below zero where bills came in for what another replica had set aside.
    exposed_nano_usd BIGINT NOT NULL,
    -- The part of it that may still turn out less.
    held_nano_usd BIGINT NOT NULL,
    -- Every observation of the replica through this one is in it.
    sequence BIGINT NOT NULL,
    PRIMARY KEY (tenant, since_nanos, start_nanos, end_nanos, replica)
) WITHOUT ROWID;
CREATE INDEX budget_shares_by_end ON budget_shares (end_nanos);

-- Through which of its observations all of a replica's shares are settled.
CREATE TABLE budget_marks (
    replica TEXT NOT NULL PRIMARY KEY,
    settled_through BIGINT NOT NULL
) WITHOUT ROWID;
