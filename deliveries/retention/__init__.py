"""What is kept for a time only, and removed when it is over."""
