"""What the system does, one file a verb. Flows are async, touch the world only by awaiting ports, and read top to bottom."""
