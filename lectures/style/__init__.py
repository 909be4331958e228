"""Style transfer: the content of one picture in the style of another, by a network that stays as it is.

Deck "Fun Ways To Use ConvNets", slides "Image Style Transfer" (1 to 5); deck "Deep Convolutional Neural Networks II",
slides "Deep Art - Neural Style" (1 and 2). The slides' first idea is style_naive, their second is style (Gatys et al.
2016); fast_style teaches a network to paint in one pass what style finds by descent.
"""
