"""Views to look inside a network."""
