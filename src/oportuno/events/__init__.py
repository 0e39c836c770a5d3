"""What happened, at every touchpoint: the event, its source and its shapes."""
