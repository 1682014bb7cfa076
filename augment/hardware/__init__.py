"""The device and data type to compute with, and what fits into memory."""
