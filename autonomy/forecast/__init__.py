"""What an account will have spent and earned by the end of its month. Pure: no clock, no I/O."""
