"""Insight: what does a trained network see, what has it forgotten, and what fools it? Only pictures change.

Deck "Deep Convolutional Neural Networks II", the part between detection and style.
"""
