-- A query of other statements: the rows of a snapshot. extraction_id: a literal.
SELECT loaded.*
FROM recon.speed_sessions AS loaded
WHERE loaded.extraction_id = &{extraction_id}
