"""LMs behind OpenAI-compatible endpoints."""
