"""Classifiers, from texts to figures about them."""
