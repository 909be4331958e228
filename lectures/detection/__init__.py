"""Object detection: from a label and a box for one object to everything in one pass."""
