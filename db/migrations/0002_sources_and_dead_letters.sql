-- Sources that rest, claims that came to nothing, failed tasks that were run again, and what pruning looks things up by.

CREATE TABLE sources (
    name          text PRIMARY KEY,
    -- fetches in a row that failed for good
    failures      integer NOT NULL DEFAULT 0,
    -- until then only fetches already begun ask it; a time gone by means that the next one may try
    resting_until timestamptz
);

ALTER TABLE tasks
    -- claims given up before a request went out: the source rested, or its rate budget was spent
    ADD COLUMN asides integer NOT NULL DEFAULT 0,
    -- the job that ran this failed task again; no foreign key, since it stays true when that job is pruned
    ADD COLUMN retried_by bigint;

CREATE INDEX tasks_dead ON tasks (id) WHERE state = 'failed' AND retried_by IS NULL;
CREATE INDEX jobs_ended ON jobs (finished_at);
CREATE INDEX jobs_retrying ON jobs (retry_of) WHERE retry_of IS NOT NULL;
CREATE INDEX idempotency_keys_of_job ON idempotency_keys (job_id);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
