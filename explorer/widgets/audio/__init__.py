"""Views for sound."""
