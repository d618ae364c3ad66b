-- depends: 0006.throttling

-- The standard claims of a person (OpenID Connect Core 5.1), all of them optional.
ALTER TABLE users
    ADD COLUMN email_verified BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN profile JSONB NOT NULL DEFAULT '{}';

-- What a client that signs people in says of itself, whether it is the operator's own, the digest of the registration
-- access token of one that registered itself, and when it first got a token for somebody.
ALTER TABLE clients
    ADD COLUMN application JSONB NOT NULL DEFAULT '{}',
    ADD COLUMN first_party BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN registration_digest BYTEA,
    ADD COLUMN used_at TIMESTAMPTZ;

-- Keys may also be behind a URL, and then they are not here.
ALTER TABLE clients DROP CONSTRAINT clients_keys;
ALTER TABLE clients ADD CONSTRAINT clients_keys CHECK (
    (jwks IS NOT NULL) = (auth_method = 'private_key_jwt' AND NOT application ? 'jwks_uri')
);
ALTER TABLE clients ADD CONSTRAINT clients_trust CHECK (
    registration_digest IS NULL OR NOT (first_party OR 'password' = ANY (grant_types))
);

CREATE INDEX clients_unused ON clients (created_at) WHERE registration_digest IS NOT NULL AND used_at IS NULL;

-- Somebody signed in on one browser, whose cookie has this digest.
CREATE TABLE sessions (
    id UUID PRIMARY KEY,
    digest BYTEA NOT NULL UNIQUE,
    username TEXT COLLATE "C" NOT NULL,
    authenticated_at TIMESTAMPTZ NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    idle_expires_at TIMESTAMPTZ NOT NULL,
    agent TEXT NOT NULL,
    address TEXT NOT NULL
) WITH (fillfactor = 80);

CREATE INDEX sessions_username ON sessions (username);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

-- Requests of applications that wait for a person, under the digest of their id.
CREATE TABLE authorization_requests (
    digest BYTEA PRIMARY KEY,
    browser BYTEA,
    client_id TEXT COLLATE "C" NOT NULL,
    request JSONB NOT NULL,
    answered TEXT[] NOT NULL DEFAULT '{}',
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX authorization_requests_browser ON authorization_requests (browser) WHERE browser IS NOT NULL;
CREATE INDEX authorization_requests_expires_at ON authorization_requests (expires_at);

-- What a person allowed a client: each resource, and each scope at a resource. Tokens from before tokens_valid_from have
-- ended, as the person took everything back; a whole second.
CREATE TABLE connections (
    username TEXT COLLATE "C",
    client_id TEXT COLLATE "C",
    granted TEXT[] NOT NULL,
    since TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ NOT NULL,
    tokens_valid_from TIMESTAMPTZ,
    PRIMARY KEY (username, client_id)
) WITH (fillfactor = 80);

CREATE INDEX connections_client_id ON connections (client_id);

-- Authorization codes under their digests. One that was spent stays for as long as its second use has something to end.
CREATE TABLE authorization_codes (
    digest BYTEA PRIMARY KEY,
    grant_id UUID NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    username TEXT COLLATE "C" NOT NULL,
    scope TEXT[] NOT NULL,
    audience TEXT[] NOT NULL,
    claims TEXT[] NOT NULL,
    granted_at TIMESTAMPTZ NOT NULL,
    session_id UUID NOT NULL,
    authenticated_at TIMESTAMPTZ NOT NULL,
    session_expires_at TIMESTAMPTZ NOT NULL,
    redirect_uri TEXT NOT NULL,
    redirect_uri_sent BOOLEAN NOT NULL,
    challenge TEXT,
    nonce TEXT,
    id_token_claims TEXT[] NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    redeemed_at TIMESTAMPTZ
) WITH (fillfactor = 80);

CREATE INDEX authorization_codes_expires_at ON authorization_codes (expires_at);

-- The sign-in that a grant rests on, and the claims that were asked for one by one.
ALTER TABLE refresh_families
    ADD COLUMN session_id UUID,
    ADD COLUMN authenticated_at TIMESTAMPTZ,
    ADD COLUMN claims TEXT[] NOT NULL DEFAULT '{}';

CREATE INDEX refresh_families_session ON refresh_families (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX refresh_families_user ON refresh_families (username, client_id) WHERE client_id IS NOT NULL;
