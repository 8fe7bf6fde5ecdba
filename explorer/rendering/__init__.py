"""Values as pictures and words: PNG bytes, ticks, curves, sentences."""
