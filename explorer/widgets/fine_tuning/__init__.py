"""Views to fine-tune a network."""
