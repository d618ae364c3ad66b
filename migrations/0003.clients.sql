-- depends: 0002.signing-keys

-- Clients, and the APIs that tokens are for.

CREATE TABLE resources (
    identifier TEXT COLLATE "C" PRIMARY KEY,
    scopes TEXT[] NOT NULL DEFAULT '{}',
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- A client id is a "sub" as well, so it comes from the same names as those of users, and is never given out again.
CREATE TABLE clients (
    client_id TEXT COLLATE "C" PRIMARY KEY REFERENCES usernames (username),
    name TEXT NOT NULL,
    auth_method TEXT NOT NULL,
    grant_types TEXT[] NOT NULL,
    scopes TEXT[] NOT NULL,
    resources TEXT[] NOT NULL,
    serves TEXT[] NOT NULL,
    jwks JSONB,
    secret_digest BYTEA,
    previous_secret_digest BYTEA,
    previous_secret_until TIMESTAMPTZ,
    is_active BOOLEAN NOT NULL DEFAULT true,
    -- Tokens with an earlier "iat" are no longer acceptable; a whole second.
    tokens_valid_from TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT clients_id_form CHECK (client_id ~ '^[a-z0-9][a-z0-9._-]{0,63}$' AND client_id <> 'watchword'),
    CONSTRAINT clients_secret CHECK ((secret_digest IS NOT NULL) = (auth_method LIKE 'client\_secret\_%')),
    CONSTRAINT clients_keys CHECK ((jwks IS NOT NULL) = (auth_method = 'private_key_jwt')),
    CONSTRAINT clients_public CHECK (auth_method <> 'none' OR NOT 'client_credentials' = ANY (grant_types))
);

-- Client assertions that were used (RFC 7523, "jti"), until they have expired.
CREATE TABLE spent_assertions (
    digest BYTEA PRIMARY KEY,
    expires_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX spent_assertions_expires_at ON spent_assertions (expires_at);
