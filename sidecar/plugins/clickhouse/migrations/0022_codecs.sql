-- Codecs chosen by bytes and processor time (docs/adr/0050-bytes-of-an-event.md). Only what is written from now on has them; a merge
-- writes anew.
ALTER TABLE ${database}.events
    MODIFY COLUMN attributes CODEC(ZSTD(3)),
    MODIFY COLUMN duration_ms CODEC(ZSTD(3)),
    MODIFY COLUMN input_tokens CODEC(T64, ZSTD(1)),
    MODIFY COLUMN output_tokens CODEC(T64, ZSTD(1));
ALTER TABLE ${database}.logs MODIFY COLUMN attributes CODEC(ZSTD(3)), MODIFY COLUMN body CODEC(ZSTD(3));
ALTER TABLE ${database}.activity
    MODIFY COLUMN answer_durations CODEC(ZSTD(1)),
    MODIFY COLUMN answer_ms CODEC(ZSTD(1)),
    MODIFY COLUMN first_ts CODEC(ZSTD(1)),
    MODIFY COLUMN last_ts CODEC(ZSTD(1)),
    MODIFY COLUMN last_own_ts CODEC(ZSTD(1)),
    MODIFY COLUMN input_tokens CODEC(ZSTD(1)),
    MODIFY COLUMN output_tokens CODEC(ZSTD(1));
ALTER TABLE ${database}.activity_by_slot
    MODIFY COLUMN answer_durations CODEC(ZSTD(1)),
    MODIFY COLUMN first_ts CODEC(ZSTD(1)),
    MODIFY COLUMN last_ts CODEC(ZSTD(1)),
    MODIFY COLUMN counts CODEC(ZSTD(3)),
    MODIFY COLUMN choices CODEC(ZSTD(3));
