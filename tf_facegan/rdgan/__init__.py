"""RD-GAN: an expression sequence from one face and drawings of landmarks."""
