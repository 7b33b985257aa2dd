"""TBGAN: trunk-branch GAN of coupled face modalities (Gecer et al., ECCV 2020)."""
