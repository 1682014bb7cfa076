"""Labelled texts from files: reading, splitting, drawing seeds, and the export formats."""
