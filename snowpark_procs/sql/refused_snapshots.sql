SELECT manifest
FROM recon.refused_snapshots
