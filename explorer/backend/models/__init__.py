"""Model files: checked before Keras sees them, read, cloned and described."""
