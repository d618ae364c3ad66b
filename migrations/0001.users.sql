-- Users, and every username that was ever given out.

-- A username is the "sub" of tokens and is never given to another person, so it stays here when its user is deleted.
CREATE TABLE usernames (
    username TEXT COLLATE "C" PRIMARY KEY
);

CREATE TABLE users (
    id UUID PRIMARY KEY,
    username TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES usernames (username),
    email TEXT NOT NULL,
    hashed_password TEXT NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT true,
    roles TEXT[] NOT NULL DEFAULT '{}',
    -- Access tokens with an earlier "iat" are no longer acceptable; a whole second.
    tokens_valid_from TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT users_username_form CHECK (username ~ '^[a-z0-9][a-z0-9._@+-]{0,63}$'),
    CONSTRAINT users_email_form CHECK (
        length(email) <= 254
        AND email ~ '^[a-zA-Z0-9.!#$%&''*+/=?^_`{|}~-]{1,64}@[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?([.][a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$'
    ),
    CONSTRAINT users_roles_form CHECK (
        cardinality(roles) <= 64
        AND array_position(roles, NULL) IS NULL
        -- Joined and split again, a name that is empty or holds a space would give another number of names.
        AND cardinality(roles) = coalesce(cardinality(string_to_array(array_to_string(roles, ' '), ' ')), 0)
        AND array_to_string(roles, ' ') ~ '^([a-z][a-z0-9_:-]{0,63}( [a-z][a-z0-9_:-]{0,63})*)?$'
    )
);

-- E-mail addresses, which are ASCII, compare without case, and by no language's rules (Turkish knows two letters i).
CREATE UNIQUE INDEX users_email_key ON users (lower(email COLLATE "C"));
