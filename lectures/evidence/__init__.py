"""Evidence for what the decks claim: one file for each theme, its CLAIMS at the bottom."""
