"""The figures of the style lectures."""
