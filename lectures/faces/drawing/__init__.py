"""The figures of the face lectures."""
