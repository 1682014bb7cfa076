"""Generation of labelled texts: attempts, checks, quotas and strategies."""
