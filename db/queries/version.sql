-- name: advance_version
-- One change more, on a row that no transaction holds; when all are held, on a new one. It never waits.
WITH free AS (
    SELECT slot FROM data_version LIMIT 1 FOR UPDATE SKIP LOCKED
), advanced AS (
    UPDATE data_version v SET changes = changes + 1 FROM free WHERE v.slot = free.slot RETURNING v.slot
)
INSERT INTO data_version (changes) SELECT 1 WHERE NOT EXISTS (SELECT FROM advanced);

-- name: current_version
-- Which data a statement that starts now sees.
SELECT data_version();
