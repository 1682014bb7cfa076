"""Run as `python -m benchmarks.<name>`. Each benchmark prints its figures, then one line of JSON."""
