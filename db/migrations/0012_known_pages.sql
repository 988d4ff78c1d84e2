-- Pages whose very bytes were merged before: their tasks take over what came of them then. db/known.py says why that is right.

-- A row for each writer at a time, as in data_version: how often data were changed otherwise than by merging pages.
CREATE TABLE upheavals (
    slot    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    changes bigint NOT NULL
) WITH (fillfactor = 10);

CREATE FUNCTION data_epoch() RETURNS bigint
LANGUAGE sql STABLE
AS $$
    SELECT coalesce(sum(changes), 0)::bigint FROM upheavals
$$;

-- Triggers and no statements of the program: whoever takes something away or moves it, by whichever release or by hand,
-- begins a new epoch with it.
CREATE FUNCTION note_upheaval() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    free integer;
BEGIN
    IF TG_OP <> 'TRUNCATE' THEN
        IF NOT EXISTS (SELECT FROM gone) THEN
            RETURN NULL;
        END IF;
    END IF;
    SELECT slot INTO free FROM upheavals LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF free IS NULL THEN
        INSERT INTO upheavals (changes) VALUES (1);
    ELSE
        UPDATE upheavals SET changes = changes + 1 WHERE slot = free;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER upheaval_of_observations AFTER DELETE ON price_history
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note_upheaval();
CREATE TRIGGER upheaval_of_no_observations AFTER TRUNCATE ON price_history
    FOR EACH STATEMENT EXECUTE FUNCTION note_upheaval();
CREATE TRIGGER upheaval_of_quotes AFTER DELETE ON quotes
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note_upheaval();
CREATE TRIGGER upheaval_of_no_quotes AFTER TRUNCATE ON quotes
    FOR EACH STATEMENT EXECUTE FUNCTION note_upheaval();
CREATE TRIGGER upheaval_of_mappings AFTER DELETE ON source_mappings
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note_upheaval();
CREATE TRIGGER upheaval_of_moved_mappings AFTER UPDATE ON source_mappings
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note_upheaval();
CREATE TRIGGER upheaval_of_no_mappings AFTER TRUNCATE ON source_mappings
    FOR EACH STATEMENT EXECUTE FUNCTION note_upheaval();

-- Of a page of a file: what it says and all that decides how it is read. Null in pages of the release before.
ALTER TABLE raw_batches ADD COLUMN digest bytea;

ALTER TABLE tasks
    -- of a page that was merged and would be read the same at any later time, and the epoch in which it was merged
    ADD COLUMN digest bytea,
    ADD COLUMN epoch bigint,
    -- the task whose outcome this one took over; no foreign key, since it stays true when that job is pruned
    ADD COLUMN known_as bigint,
    -- of a fetch: its pages from the first on that were known, up to one that wasn't
    ADD COLUMN pages_known integer NOT NULL DEFAULT 0;
CREATE INDEX tasks_known ON tasks (digest, epoch, id) WHERE digest IS NOT NULL;
