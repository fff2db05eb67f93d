"""What a person waits for on a laptop: seconds of the project's own commands."""
