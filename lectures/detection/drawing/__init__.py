"""The figures of the detection lectures."""
