"""`oportuno bench`: how fast and how small, measured on this machine beside the floors, and written down."""
