-- name: take_over_page
-- End a page's task as it is made, with what came of the same page before, if that and all pages before it are known.
WITH earlier AS (
    -- In one statement with the epoch: db/known.py.
    SELECT id, rows, rejected, coins, notes, epoch
    FROM tasks
    WHERE digest = %(digest)s::bytea AND epoch = data_epoch()
    ORDER BY id DESC
    LIMIT 1
), counted AS (
    UPDATE tasks t SET pages_known = t.pages_known + 1
    FROM earlier
    WHERE t.id = %(task)s AND t.pages_known = %(number)s - 1
    RETURNING t.job_id, t.source, t.max_attempts
), taken AS (
    INSERT INTO tasks (job_id, kind, source, state, batch_id, max_attempts, started_at, finished_at, rows, rejected, coins,
                       notes, digest, epoch, known_as)
    SELECT c.job_id, 'normalize', c.source, 'succeeded', %(batch)s, c.max_attempts, now(), clock_timestamp(), e.rows,
           e.rejected, e.coins, e.notes, %(digest)s, e.epoch, e.id
    FROM counted c, earlier e
    RETURNING id
), rejected AS (
    INSERT INTO rejections (task_id, row, reason, raw)
    SELECT taken.id, r.row, r.reason, r.raw FROM taken, earlier e JOIN rejections r ON r.task_id = e.id ORDER BY r.row
)
SELECT id FROM taken;
