-- depends: 0005.tokens

-- Failed attempts, counted under digests of names and networks.
CREATE TABLE failed_attempts (
    key BYTEA PRIMARY KEY,
    failures INTEGER NOT NULL,
    since TIMESTAMPTZ NOT NULL,
    last TIMESTAMPTZ NOT NULL
) WITH (fillfactor = 70);

CREATE INDEX failed_attempts_since ON failed_attempts (since);
