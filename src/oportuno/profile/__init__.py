"""What is known of a customer: sections of state, and how events fold into them."""
