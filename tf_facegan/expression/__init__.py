"""Expression representations, a conditional WGAN-GP and a classifier (Shaowen1994, 2019)."""
