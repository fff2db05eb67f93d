"""What the warehouse recorded of its comparisons, for people."""
