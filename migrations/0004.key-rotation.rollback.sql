DROP TABLE sealed_secrets;
DROP INDEX signing_keys_first;
DROP INDEX signing_keys_predecessor;
ALTER TABLE signing_keys DROP COLUMN predecessor, ADD COLUMN state TEXT;
-- A key that was withdrawn must not come back, and one that has signed nothing yet is made again when it is needed.
DELETE FROM signing_keys WHERE withdrawn_at IS NOT NULL OR signs_from > now();
UPDATE signing_keys AS key SET state = CASE
    WHEN kid = (
        SELECT kid FROM signing_keys AS other WHERE other.algorithm = key.algorithm
        ORDER BY signs_from DESC, kid COLLATE "C" LIMIT 1
    ) THEN 'active' ELSE 'retired' END;
ALTER TABLE signing_keys
    ALTER COLUMN state SET NOT NULL,
    DROP COLUMN signs_from,
    DROP COLUMN withdrawn_at;
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (algorithm) WHERE state = 'active';
