"""The pages: read widgets → build a config → call one function → draw."""
