"""What every system trains with: devices, run folder, checkpoints, optimizers, the loop."""
