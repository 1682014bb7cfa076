"""Export texts as records and import them again. Outside of this package, use `Exchange`."""
