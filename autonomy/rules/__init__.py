"""What a rule may say. Knows no campaign, no policy and no database."""
