"""Where examples come from: one file a data-set family."""
