-- Takes very many jobs at once. Locks: those of an insertion. Index: none is read.
COPY {schema}.oban_jobs ({columns}) FROM STDIN (FORMAT binary)
