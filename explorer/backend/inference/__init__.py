"""Running a network: predictions, activations of any layer, and a sound step by step."""
