"""Evaluation: how well a network answers on examples whose labels are known."""
