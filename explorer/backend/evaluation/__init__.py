"""Evaluation: how well a network does on examples whose labels are known."""
