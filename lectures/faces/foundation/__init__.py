"""What the lectures on faces stand on: pictures of people, the embedding, how it learns, how it is judged."""
