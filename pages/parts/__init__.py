"""What pages share, and the parts of each page."""
