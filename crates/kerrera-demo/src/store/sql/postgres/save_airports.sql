-- Writes the airports of a JSON array, over what was there before.
-- Locks: those rows. Index: the primary key.
INSERT INTO airports (iata, name, city, state, country, latitude, longitude, geohash, sheet)
SELECT a.iata, a.name, a.city, a.state, a.country, a.latitude, a.longitude, a.geohash, $2
FROM jsonb_to_recordset($1::text::jsonb) AS a (
    iata text, name text, city text, state text, country text,
    latitude double precision, longitude double precision, geohash text
)
ON CONFLICT (iata) DO UPDATE SET
    name = excluded.name, city = excluded.city, state = excluded.state,
    country = excluded.country, latitude = excluded.latitude, longitude = excluded.longitude,
    geohash = excluded.geohash, sheet = excluded.sheet
