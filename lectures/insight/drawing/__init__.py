"""The figures of the insight lectures."""
