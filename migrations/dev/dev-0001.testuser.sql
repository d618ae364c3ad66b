-- depends: 0001.users

-- The development user: testuser, password "testpass" (Argon2id). Never applied to a database given by DATABASE_URL
-- unless "watchword migrate --dev" asks for it. A user of that name that exists, or existed, stays as it is.
WITH name AS (
    INSERT INTO usernames (username)
    SELECT 'testuser' WHERE NOT EXISTS (SELECT FROM users WHERE lower(email COLLATE "C") = 'testuser@example.com')
    ON CONFLICT DO NOTHING RETURNING username
)
INSERT INTO users (id, username, email, hashed_password)
SELECT
    '7e57ab1e-0000-4000-8000-000000000001',
    username,
    'testuser@example.com',
    '$argon2id$v=19$m=19456,t=2,p=1$n2eY1RUQSpAsWZKQSD0YIg$D5Yf021nvur9BTALB17hL9PXsb4WLAXKWIjJJ48p014'
FROM name
ON CONFLICT DO NOTHING;
