"""Review in SQL. Outside of this package, use `Reviews`, `ReviewQueue` and `ReviewStatistics`.

Layers, each importing only those before it: standing; text_queries; texts; steps; verdicts, history; decisions;
reviews. The queue and the statistics import the first two only.
"""
