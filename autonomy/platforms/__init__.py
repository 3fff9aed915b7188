"""Reading from advertising platforms. Nothing here is imported while no account is connected."""
