-- Which data there are, as one short text: readers keep answers by it. db/version.py says why that is safe.

-- A row for each writer at a time; there are never more than transactions once wrote at once.
CREATE TABLE data_version (
    slot    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    changes bigint NOT NULL
) WITH (fillfactor = 10);
-- Not from 0: a database that was made anew doesn't go through the versions of the one before.
INSERT INTO data_version (changes) VALUES ((random() * 1e12)::bigint);

-- The server's start belongs to it, since a restored backup may count the same changes again.
CREATE FUNCTION data_version() RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT sum(changes) || '.' || (extract(epoch FROM pg_postmaster_start_time()) * 1000)::bigint FROM data_version
$$;
