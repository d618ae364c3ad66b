-- What people granted to applications ends: the release before would take it for more than it is.
UPDATE refresh_families SET revoked_at = now() WHERE session_id IS NOT NULL AND revoked_at IS NULL;
ALTER TABLE refresh_families DROP COLUMN session_id, DROP COLUMN authenticated_at, DROP COLUMN claims;
DROP INDEX refresh_families_user;
DROP TABLE authorization_codes;
DROP TABLE connections;
DROP TABLE authorization_requests;
DROP TABLE sessions;
ALTER TABLE clients DROP CONSTRAINT clients_trust;
ALTER TABLE clients DROP CONSTRAINT clients_keys;
-- Nobody would know any more which clients nobody vouched for, nor where the keys of others are. Names stay used.
DELETE FROM clients WHERE registration_digest IS NOT NULL OR (auth_method = 'private_key_jwt' AND jwks IS NULL);
DROP INDEX clients_unused;
ALTER TABLE clients DROP COLUMN application, DROP COLUMN first_party, DROP COLUMN registration_digest, DROP COLUMN used_at;
ALTER TABLE clients ADD CONSTRAINT clients_keys CHECK ((jwks IS NOT NULL) = (auth_method = 'private_key_jwt'));
ALTER TABLE users DROP COLUMN email_verified, DROP COLUMN profile;
