"""Object detection: from a label and a box for one object to everything in one pass.

Deck "Deep Convolutional Neural Networks II", slide "Convolutional Networks for Object Detection" (in part): what and
where, as bounding boxes. Deck "Localization, Object Detection, Segmentation", slides "Object Detection" (1 and 3): here
stand both families, in a single stage and in two.
"""
