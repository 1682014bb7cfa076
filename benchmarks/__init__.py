"""`python -m benchmarks.<name>`: each prints its figures and, last, one line of JSON."""
