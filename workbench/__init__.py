"""What can be done here without a screen; the only place where domain and storage meet."""
