"""Files in, labelled texts out: reading, splitting, drawing seeds, and the formats of exports."""
