"""Views: one a file, named for what the user sees, its .js and .css beside it. Views never import each other."""
