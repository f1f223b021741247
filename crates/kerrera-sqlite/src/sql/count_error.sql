-- Purpose: adds failures to the counts of these ten minutes.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
INSERT INTO kerrera_error_counts (fingerprint, at, count)
VALUES (:fingerprint, :at, :count)
ON CONFLICT (fingerprint, at) DO UPDATE SET count = count + excluded.count
