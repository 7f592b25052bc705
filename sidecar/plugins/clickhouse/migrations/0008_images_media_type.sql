-- Pages and exports call a picture's kind by the name that its standard has (RFC 2046).
ALTER TABLE ${database}.images ADD COLUMN IF NOT EXISTS media_type String ALIAS content_type;

-- status: pending, stored, failed (with a reason), erased (a tombstone: the event, sent again, brings nothing back).
ALTER TABLE ${database}.images COMMENT COLUMN IF EXISTS status 'pending, stored, failed or erased';
