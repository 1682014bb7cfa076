"""Parts of the Seeds page."""
