"""The recipe of a fine-tuning: the freeze plan, its fields and the Keras code for it."""
