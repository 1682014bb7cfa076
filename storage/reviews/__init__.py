"""Review in SQL: steps, decisions, the queue, and what they add up to."""
