"""Templates, what is read from an answer to them, and which seeds stand in a prompt."""
