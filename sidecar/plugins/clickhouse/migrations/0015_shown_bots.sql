-- The bots as pages and Grafana name them, in plain columns: `stored` is what the column `bot` of `events` and `activity` holds, and
-- `bot` the one that it stands for. A service's rows from before it sent ids are those of its bot when it has had only one.
CREATE OR REPLACE VIEW ${database}.shown_bots AS
SELECT if(bot_id = '' AND length(ids) = 1, ids[1], stored) AS bot, stored, service_name, bot_id, username, last_ts
FROM (
    SELECT
        service_name, bot_id, username, last_ts,
        if(bot_id = '', service_name, bot_id) AS stored,
        groupArrayIf(bot_id, bot_id != '') OVER (PARTITION BY service_name) AS ids
    FROM (
        SELECT toString(service_name) AS service_name, bot_id, argMaxMerge(bots.username) AS username, max(bots.last_ts) AS last_ts
        FROM ${database}.bots GROUP BY service_name, bot_id
    )
);
