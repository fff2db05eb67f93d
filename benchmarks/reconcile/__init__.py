"""How much moves, how long it takes and how much memory it needs to find few sessions that differ among many."""
