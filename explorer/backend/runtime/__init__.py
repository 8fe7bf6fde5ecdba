"""The foundations of the backend: Keras itself, memory, temporary files, and errors as sentences."""
