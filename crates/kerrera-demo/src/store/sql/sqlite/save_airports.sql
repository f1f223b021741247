-- Writes the airports of a JSON array, over what was there before.
-- Locks: the write lock of the file. Index: the primary key.
INSERT INTO airports (iata, name, city, state, country, latitude, longitude, geohash, sheet)
SELECT
    value ->> 'iata', value ->> 'name', value ->> 'city', value ->> 'state', value ->> 'country',
    value ->> 'latitude', value ->> 'longitude', value ->> 'geohash', ?2
FROM json_each(?1)
WHERE TRUE
ON CONFLICT (iata) DO UPDATE SET
    name = excluded.name, city = excluded.city, state = excluded.state,
    country = excluded.country, latitude = excluded.latitude, longitude = excluded.longitude,
    geohash = excluded.geohash, sheet = excluded.sheet
