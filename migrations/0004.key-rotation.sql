-- depends: 0003.clients

-- What a key is (next, active, retired) follows from the instants at which it and its successor begin to sign.
ALTER TABLE signing_keys
    ADD COLUMN signs_from TIMESTAMPTZ,
    ADD COLUMN predecessor TEXT REFERENCES signing_keys (kid),
    ADD COLUMN withdrawn_at TIMESTAMPTZ;

UPDATE signing_keys SET signs_from = created_at;

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
