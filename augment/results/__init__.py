"""What runs say when they are compared: variants, differences, charts, the report."""
