"""What is done with a region: cut out, warped or pooled, classified, and its box corrected."""
