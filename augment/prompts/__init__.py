"""Prompt templates, choice of the seeds in a prompt, and parsing of completions."""
