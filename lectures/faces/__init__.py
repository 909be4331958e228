"""Faces: is there one, is it the same person, who is it, and what does a network that knows this know besides.

Deck "Fun Ways To Use ConvNets", slide "Face Recognition/Verification" (1, in part): detection is a special case of
object detection, recognition matches a face against a database, verification against one face.
"""
