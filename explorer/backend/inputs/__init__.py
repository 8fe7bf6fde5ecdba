"""From a file to what a network reads: images, audio and arrays; what is damaged or too large is said."""
