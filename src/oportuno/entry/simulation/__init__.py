"""The walking simulator: the real rooms and flows, on the twin of the outside, with chance and time under one seed."""
