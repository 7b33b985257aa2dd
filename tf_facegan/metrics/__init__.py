"""Metrics: one file a metric, computed from images or activations."""
