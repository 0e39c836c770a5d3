"""What a customer's attention has been spent on: touches, reservations and limits."""
