DROP TABLE sealed_secrets;
DROP INDEX signing_keys_first;
DROP INDEX signing_keys_predecessor;
ALTER TABLE signing_keys ADD COLUMN state TEXT;
UPDATE signing_keys AS key SET state = CASE
    WHEN withdrawn_at IS NULL AND signs_from = (
        SELECT max(signs_from) FROM signing_keys AS other
        WHERE other.algorithm = key.algorithm AND other.withdrawn_at IS NULL AND other.signs_from <= now()
    ) THEN 'active' ELSE 'retired' END;
ALTER TABLE signing_keys
    ALTER COLUMN state SET NOT NULL,
    DROP COLUMN signs_from,
    DROP COLUMN predecessor,
    DROP COLUMN withdrawn_at;
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (algorithm) WHERE state = 'active';
