"""What every detector stands on: its face, backbone, data, matching, the way it learns and is judged."""
