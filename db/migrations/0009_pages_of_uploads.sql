-- A page of an uploaded file is a range of it, not a second copy. A worker of the release before can't read such a page:
-- it fails it, to be run again.

ALTER TABLE raw_batches
    ALTER COLUMN body DROP NOT NULL,
    ADD COLUMN upload_id bigint REFERENCES uploads,
    ADD COLUMN upload_from bigint,
    ADD COLUMN upload_bytes integer,
    ADD CONSTRAINT raw_batches_kept_once
        CHECK (CASE WHEN body IS NULL THEN num_nulls(upload_id, upload_from, upload_bytes) = 0 ELSE upload_id IS NULL END)
        NOT VALID;
CREATE INDEX raw_batches_of_upload ON raw_batches (upload_id) WHERE upload_id IS NOT NULL;
