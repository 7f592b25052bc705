-- Events that name an image or file and have no row in `images`. Bytes that came inside an event are in no column: the spool has them.
SELECT toString(event_id), image_id, user_id, attributes['telegram.bot.id'], attributes['chattrail.image.file_id'],
    attributes['chattrail.image.url'], attributes['chattrail.file.id'], toUnixTimestamp64Milli(received_at)
FROM events FINAL
WHERE event_id > {event_id:UUID} AND type IN {types:Array(String)} AND error_type = ''
  AND (type = 'image_generated'
    OR attributes['chattrail.image.file_id'] || attributes['chattrail.image.url'] || attributes['chattrail.file.id'] != '')
  AND received_at >= {since:DateTime64(3, 'UTC')} AND events.event_id NOT IN (SELECT event_id FROM images)
ORDER BY events.event_id
LIMIT {limit:UInt32}
