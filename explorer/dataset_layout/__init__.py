"""How files become a labelled dataset: which folders, classes and splits a listing of paths tells."""
