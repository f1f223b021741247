-- Stands in the election of the neighbours' leader, or renews. A row of the same node is renewed, one
-- of another only when its time is over: what Oban for Elixir does since its 2.23.1, in one statement.
-- Locks: the rows of these names, if they are to be changed, in the order of the names.
-- Index: the primary key.
INSERT INTO {schema}.{table} AS o (name, node, {since}, expires_at)
SELECT i.name, $3::text, n.at, n.at + interval '30 seconds'
FROM unnest($2::text[]) AS i (name)
CROSS JOIN (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at) AS n
ORDER BY i.name
ON CONFLICT (name) DO UPDATE
SET
    node = excluded.node,
    {since} = CASE WHEN o.node = excluded.node THEN o.{since} ELSE excluded.{since} END,
    expires_at = excluded.expires_at
WHERE o.node = excluded.node OR o.expires_at < excluded.{since}
RETURNING o.name
