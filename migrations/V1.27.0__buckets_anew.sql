-- Identifiers are hashed in another form from now on: UUIDs in any form are one, and capitals that are not ASCII stay. The next unloading
-- writes the buckets of all dates that have some again; until then snapshots compared with the old ones are refused where that matters.
DELETE FROM recon.bucket_unloads;
