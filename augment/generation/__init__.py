"""Writing new labelled texts: attempts, checks, quotas, and the strategies that write."""
