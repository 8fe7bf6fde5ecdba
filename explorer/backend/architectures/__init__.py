"""The architectures that are built here, and the factory that builds any row of the table."""
