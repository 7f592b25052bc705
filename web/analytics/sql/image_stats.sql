-- name: image_states
-- How many images are in each state, and since when the oldest pending one has waited.
SELECT
    countIf(status = 'stored'), countIf(status = 'pending'), countIf(status = 'failed'), countIf(status = 'erased'),
    toUnixTimestamp64Milli(minIf(created_at, status = 'pending'))
FROM images FINAL

-- name: image_bytes
-- Bytes that the stores hold: an image that came with several events is stored once. By a hash, for speed: were two of a
-- million the same (1 chance in 30 million), one image would be missing in the sum.
SELECT sum(size)
FROM (
    SELECT max(bytes) AS size
    FROM images FINAL
    WHERE status = 'stored'
    GROUP BY cityHash64(store, sha256)
)

-- name: image_failures
-- Why images could not be archived, most frequent reason first.
SELECT reason, count() AS pictures
FROM images FINAL
WHERE status = 'failed'
GROUP BY reason
ORDER BY pictures DESC, reason
LIMIT {limit:UInt32}
