"""Which device computes, in which width, and what fits into its memory."""
