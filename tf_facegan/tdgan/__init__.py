"""TDGAN: expression recognition by disentangling (Xie, Hu and Chen, IEEE TCSVT 31(6), 2021)."""
