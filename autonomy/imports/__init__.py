"""Files of advertising platforms, read, checked and loaded."""
