"""What is known about a text's label beyond the LM that wrote it."""
