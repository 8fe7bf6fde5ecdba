"""The model backend: Keras lives in here and nowhere else. It knows no widgets, traitlets or IPython."""
