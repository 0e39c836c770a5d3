"""The channels by which we can speak, and what each one needs."""
