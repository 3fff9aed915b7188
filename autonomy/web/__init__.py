"""The doors: the scheduler's call, the dashboard, the JSON API. One Flask application."""
