"""The command `explorer`: a file for each family of verbs."""
