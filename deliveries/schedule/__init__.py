"""Schedule: what is due is handed out, what is too late is ended, what was lost comes back."""
