"""The files of models: checking, opening and saving them; cloning and describing models."""
