DROP TABLE token_epoch;
DROP TABLE revoked_access_tokens;
DROP TABLE refresh_families;
