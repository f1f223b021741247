-- Copies jobs in; what is not given has its default.
-- Locks: those of an insertion. Index: none is read.
COPY oban_jobs (queue, worker, args) FROM STDIN WITH (FORMAT binary)
