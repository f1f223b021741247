-- A part of other statements, for Python's errors, an array in jsonb: one more element, the newest
-- kept.
CASE WHEN jsonb_typeof(j.errors) = 'array' THEN (
    SELECT jsonb_agg(e.element ORDER BY e.place)
    FROM jsonb_array_elements(j.errors || a.element) WITH ORDINALITY AS e (element, place)
    WHERE e.place >= jsonb_array_length(j.errors) + 2 - {kept}
) ELSE jsonb_build_array(a.element) END
