"""The command `explorer`, with a module for each group of subcommands."""
