DELETE FROM recon.comparison
