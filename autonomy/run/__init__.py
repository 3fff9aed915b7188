"""One pass: what was asked, the run itself, what it says and whom it tells."""
