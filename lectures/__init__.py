"""The systems of the lecture decks, built from pyconvnet's public names only. `python -m lectures` lists them."""
