-- An upload is read once or twice and soon forgotten: squeezing it costs more than the room it takes.
ALTER TABLE upload_chunks ALTER COLUMN data SET STORAGE EXTERNAL;
