"""How files become a labelled dataset: the folders, classes and splits that a listing of paths shows."""
