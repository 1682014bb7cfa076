"""Parts of the Prompt page."""
