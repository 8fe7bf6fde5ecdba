"""The graph of a network: its nodes, its table of layers, blocks and receptive fields."""
