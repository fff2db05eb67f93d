-- Bind: a manifest's path. Why the snapshot could not be loaded, if it could not.
SELECT reason
FROM recon.refused_snapshots
WHERE manifest = ?
QUALIFY ROW_NUMBER() OVER (ORDER BY refused_at DESC) = 1
