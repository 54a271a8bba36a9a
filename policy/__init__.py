"""A CrossGuard pack that judges resource inputs only; it imports nothing outside its own folder."""
