"""Pictures of what a network sees and says, with matplotlib (pip install 'pyconvnet[lectures]').

Every function returns the matplotlib Axes it drew on; none calls plt.show or chooses a backend.
"""

from .boxes import class_style, draw_boxes
from .montage import montage, show_feature_maps, show_filters

__all__ = ["class_style", "draw_boxes", "montage", "show_feature_maps", "show_filters"]
