-- Packed rows of these keys, as far as they are there.
-- Locks: none; who packs has locked the others out. Index: the primary key.
SELECT m.tier, m.at, m.queue, m.worker, m.source, m.cells
FROM unnest($1::integer[], $2::timestamp[], $3::text[], $4::text[])
    AS k (tier, at, queue, worker)
INNER JOIN {schema}.kerrera_metrics AS m
    ON m.tier = k.tier AND m.at = k.at AND m.queue = k.queue AND m.worker = k.worker
        AND m.source = '00000000-0000-0000-0000-000000000000'
