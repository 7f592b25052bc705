-- Texts of some persons' quarters of an hour, those that $is_new lets through. What is chosen or pressed has no text of its own, and
-- Statistics count it; of a text without a letter or digit nothing can be looked for.
INSERT INTO texts (ts, event_id, user_id, bot, type, side, text, words)
SELECT ts, event_id, user_id, bot, type, wrote, whole, $words AS found
FROM (
    SELECT
        ts, event_id, user_id, bot, type,
        multiIf(type = 'message_edited', if(side = 'person', 'person', 'bot'), type IN ('user_message', 'command', 'start_command'), 'person', 'bot') AS wrote,
        substringUTF8(arrayStringConcat(arrayFilter(each -> each != '', [
            attributes['chattrail.message.text'], attributes['chattrail.image.prompt'],
            attributes['chattrail.command.arguments'], attributes['chattrail.file.name']]), '\n'), 1, {longest:UInt32}) AS whole
    FROM events
    WHERE user_id IN (SELECT unhex(arrayJoin({people:Array(String)})))
      AND toYYYYMM(ts) IN {months:Array(UInt32)}
      AND (user_id, toUnixTimestamp(toStartOfFifteenMinutes(ts))) IN (
          SELECT unhex(each.1), each.2 FROM (SELECT arrayJoin({rows:Array(Tuple(String, UInt32))}) AS each))
      AND $is_new
)
WHERE whole != '' AND found != ' '
