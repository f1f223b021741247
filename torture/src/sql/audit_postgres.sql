-- Purpose: writes down every change of every job, in the transaction that makes it, so that the
--          history holds exactly what was committed.
-- Locks:   none of its own. The trigger runs while the statement holds the job's row lock, and the
--          number is drawn there: whoever changes the same job next draws a higher one. Numbers of
--          different jobs say nothing about which was first.
-- Index:   none; the table is read once, at the end.
CREATE TABLE torture_audit (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    job bigint NOT NULL,
    old jsonb,
    new jsonb,
    at bigint NOT NULL
);

CREATE TABLE torture_app (key text PRIMARY KEY);

CREATE FUNCTION torture_standing(job public.oban_jobs) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'state', job.state,
        'by', coalesce(to_jsonb(job.attempted_by), '[]'),
        'attempt', job.attempt,
        'max_attempts', job.max_attempts,
        'errors', cardinality(job.errors),
        'rescued', coalesce((job.meta ->> 'rescued')::int, 0),
        'snoozed', coalesce((job.meta ->> 'snoozed')::int, 0)
    )
$$;

CREATE FUNCTION torture_write_down() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    old_standing jsonb;
    new_standing jsonb;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        old_standing := public.torture_standing(OLD);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        new_standing := public.torture_standing(NEW);
    END IF;
    INSERT INTO public.torture_audit (job, old, new, at) VALUES (
        CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END,
        old_standing,
        new_standing,
        (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
    );
    RETURN NULL;
END
$$;

CREATE TRIGGER torture_audit AFTER INSERT OR UPDATE OR DELETE ON public.oban_jobs
    FOR EACH ROW EXECUTE FUNCTION public.torture_write_down();
