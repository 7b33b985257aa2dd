"""GANimation: facial expressions of photos, driven by action units (Pumarola et al., 2018)."""
