"""The seven basic expressions."""

EXPRESSIONS = ("Surprise", "Fear", "Disgust", "Happiness", "Sadness", "Anger", "Neutral")
"""Names by class number, in the order of RAF-DB (Li et al. 2017; its labels are 1 to 7)."""
