"""The LM behind an OpenAI-compatible endpoint."""
