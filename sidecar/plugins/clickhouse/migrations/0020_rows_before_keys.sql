-- The rows of `logs` from before each had a key of its own. A migration of its own: done again, there is nothing to rename.
RENAME TABLE IF EXISTS ${database}.logs TO ${database}.unkeyed_logs;
