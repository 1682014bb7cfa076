"""Templates, what is read from a completion, and which seeds are in a prompt."""
