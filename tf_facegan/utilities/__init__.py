"""The utility runs: pictures, videos and meshes from a trained run."""
