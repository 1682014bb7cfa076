"""Texts leave as records and come back as rows."""
