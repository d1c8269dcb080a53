"""The front page: is it healthy? Bounded reads, a verdict, pictures."""
