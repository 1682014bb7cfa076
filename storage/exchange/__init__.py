"""Texts leave as records and come back as rows. Outside of this package, use `Exchange`."""
