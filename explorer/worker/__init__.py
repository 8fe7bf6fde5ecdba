"""The worker: a queue of requests that a thread answers."""
