"""Inputs: from files and Python objects to what a network reads, for images, audio and arrays; damaged and too large ones are reported."""
