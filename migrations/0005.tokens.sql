-- depends: 0004.key-rotation

-- All refresh tokens that follow from one grant are one row, however often they rotate: the digest of the token that is
-- good now, and of the one that was exchanged for it. Nothing that a rotation changes is indexed, and pages keep room, so
-- that the new version of a row mostly fits beside the old one and no index is touched.
CREATE TABLE refresh_families (
    id UUID PRIMARY KEY,
    client_id TEXT COLLATE "C",
    username TEXT COLLATE "C",
    scope TEXT[] NOT NULL,
    audience TEXT[] NOT NULL,
    granted_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    idle_expires_at TIMESTAMPTZ NOT NULL,
    current BYTEA NOT NULL,
    previous BYTEA,
    rotated_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ
) WITH (fillfactor = 70);

CREATE INDEX refresh_families_expires_at ON refresh_families (expires_at);
CREATE INDEX refresh_families_revoked_at ON refresh_families (revoked_at) WHERE revoked_at IS NOT NULL;

-- Access tokens that ended before they expired.
CREATE TABLE revoked_access_tokens (
    jti TEXT COLLATE "C" PRIMARY KEY,
    expires_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX revoked_access_tokens_expires_at ON revoked_access_tokens (expires_at);

-- The instant before which all tokens have ended; at most one row.
CREATE TABLE token_epoch (
    one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
    valid_from TIMESTAMPTZ NOT NULL
);
