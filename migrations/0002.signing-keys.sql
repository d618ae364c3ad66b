-- depends: 0001.users

-- Key pairs that sign tokens. The private half is encrypted with a key that is not in this database.
CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL,
    public_jwk JSONB NOT NULL,
    sealed_private_key TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX signing_keys_active ON signing_keys (algorithm) WHERE state = 'active';
