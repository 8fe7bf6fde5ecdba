"""What everything in the backend stands on: Keras itself, memory, and how errors become sentences."""
