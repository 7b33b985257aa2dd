"""Meshes to UV maps and back, and the sample scans.

A UV map is a square picture of a surface: texel (row, column) holds the colour, the position or the
normal of the surface point with texture coordinates (u, v) (TBGAN, section 3; menpo's convention
row = (1 - v) * (H - 1), column = u * (W - 1)).
"""
