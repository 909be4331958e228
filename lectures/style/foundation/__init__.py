"""What the lectures on style stand on: the pictures, the cost of a picture, who judges, the feed-forward network."""
