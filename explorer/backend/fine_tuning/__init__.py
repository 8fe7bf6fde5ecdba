"""Fine-tuning: a new head on a network, the frozen part computed once, the rest trained."""
