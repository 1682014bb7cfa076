"""The encoders that classifiers learn on and texts are compared by."""
