"""Training runs compared: names of variants, differences, charts and the report."""
