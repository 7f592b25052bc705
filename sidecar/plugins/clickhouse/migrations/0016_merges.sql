-- Merges of the wide tables: column by column from the first row on, which takes less memory and time than all columns at once,
-- and only of parts that together make a much larger one, so that a row is rewritten twice and not nine times.
ALTER TABLE ${database}.events MODIFY SETTING
    vertical_merge_algorithm_min_rows_to_activate = 1, vertical_merge_algorithm_min_columns_to_activate = 1, merge_selector_base = 15;
ALTER TABLE ${database}.logs MODIFY SETTING
    vertical_merge_algorithm_min_rows_to_activate = 1, vertical_merge_algorithm_min_columns_to_activate = 1, merge_selector_base = 15;
