"""What the shop sells, as it stands and as it changes."""
