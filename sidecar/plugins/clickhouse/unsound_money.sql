-- A piece of the statements of the second rollups: how many of the sums of money of a row of `activity` cannot be.
((NOT abs(a.stars) <= 1e15)
    + arrayCount(v -> NOT v BETWEEN -1000000000000000 AND 1000000000000000, mapValues(a.revenue))
    + arrayCount(v -> NOT abs(v) <= 1e15, mapValues(a.revenue_units)))
