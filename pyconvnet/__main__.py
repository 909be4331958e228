"""`python -m pyconvnet` prints what runs here."""

import json

from .config import show_config

print(json.dumps(show_config(), indent=2))
