"""The recipe of a fine-tuning: the freeze plan, the fields of the recipe and the Keras code for the plan."""
