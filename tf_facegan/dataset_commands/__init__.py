"""The sub-commands of `dataset_tool.py`, family by family."""
