"""A check-up of the installation: what is wrong, what is worth a thought, and what could not be asked."""
