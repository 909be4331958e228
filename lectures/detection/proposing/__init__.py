"""Where an object may be: boxes from pixels, from statistics, or from a network."""
