"""Keep what was read in a server beside the database."""
