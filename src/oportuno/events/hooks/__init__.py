"""What shops' systems post of their own accord, in their own shapes: whether they really did, and what it means."""
