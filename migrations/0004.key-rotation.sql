-- depends: 0003.clients

-- What a key is (next, active, retired) follows from the instants at which it and its successor begin to sign.
ALTER TABLE signing_keys
    ADD COLUMN signs_from TIMESTAMPTZ,
    ADD COLUMN predecessor TEXT REFERENCES signing_keys (kid),
    ADD COLUMN withdrawn_at TIMESTAMPTZ;

-- Keys that are there follow each other as they were made. An active one signs on, so it is the last.
UPDATE signing_keys AS key SET
    signs_from = CASE WHEN key.state = 'active' THEN greatest(key.created_at, (
        SELECT max(created_at) + interval '1 microsecond' FROM signing_keys AS other
        WHERE other.algorithm = key.algorithm AND other.state <> 'active'
    )) ELSE key.created_at END,
    predecessor = (
        SELECT kid FROM signing_keys AS before
        WHERE before.algorithm = key.algorithm
            AND (before.state = 'active', before.created_at, before.kid) < (key.state = 'active', key.created_at, key.kid)
        ORDER BY before.state = 'active' DESC, before.created_at DESC, before.kid DESC
        LIMIT 1
    );

ALTER TABLE signing_keys ALTER COLUMN signs_from SET NOT NULL;

DROP INDEX signing_keys_active;

ALTER TABLE signing_keys DROP COLUMN state;

-- Of many keys offered at once one is kept: each has one successor, and each algorithm one first key.
CREATE UNIQUE INDEX signing_keys_predecessor ON signing_keys (predecessor)
    WHERE predecessor IS NOT NULL AND withdrawn_at IS NULL;
CREATE UNIQUE INDEX signing_keys_first ON signing_keys (algorithm)
    WHERE predecessor IS NULL AND withdrawn_at IS NULL;

-- Secrets of the server that all workers share, encrypted as private keys are.
CREATE TABLE sealed_secrets (
    name TEXT PRIMARY KEY,
    sealed TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
