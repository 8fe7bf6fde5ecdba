"""The architectures that explorer builds itself, and the factory that builds any row of the architecture table."""
