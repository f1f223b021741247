-- Inserts jobs, and gives back every column, as insert_all does.
-- Locks: those of an insertion. Index: none is read.
INSERT INTO oban_jobs (queue, worker, args)
SELECT $1::text, $2::text, n.args::jsonb FROM unnest($3::text[]) AS n (args)
RETURNING
    id, state::text, queue, worker, args, meta, tags, to_jsonb(errors), attempt, max_attempts,
    priority, attempted_by, inserted_at, scheduled_at, attempted_at, completed_at, discarded_at,
    cancelled_at
