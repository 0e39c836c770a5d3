"""Where the shop meets people: its stores and when they are open."""
