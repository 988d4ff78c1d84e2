-- name: insert_upload
-- An uploaded file, before its pieces.
INSERT INTO uploads (filename, bytes) VALUES (%(filename)s, 0) RETURNING id;

-- name: insert_upload_chunk
-- A piece of an uploaded file.
INSERT INTO upload_chunks (upload_id, number, data) VALUES (%(upload)s, %(number)s, %(data)s);

-- name: size_upload
-- The size of an uploaded file, known after its last piece.
UPDATE uploads SET bytes = %(bytes)s WHERE id = %(upload)s;

-- name: upload_chunk_sizes
-- The sizes of a file's pieces, in order.
SELECT length(data) FROM upload_chunks WHERE upload_id = %(upload)s ORDER BY number;

-- name: load_upload_chunk
-- One piece.
SELECT data FROM upload_chunks WHERE upload_id = %(upload)s AND number = %(number)s;
