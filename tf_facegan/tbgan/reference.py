"""Published parameter names and layouts of TBGAN's (and PGGAN's) networks.

The networks keep the published layouts, so that nothing is transposed: convolutions are HWIO,
`Conv0_up` is [h, w, out, in], dense weights are [in, out] with features flattened in NCHW order.
Weights are stored without the factor of equalized learning rate.
"""

from tf_facegan import reference_weights

IGNORED = ("lod",)  # the level of detail is an argument here, not a variable


def assign(model, arrays):
    """Fills a network from published arrays.

    Args:
      model: `networks.Generator` or `networks.Discriminator`.
      arrays: {local name (`8x8/Conv0_up/weight`, ...): array in the published layout}; `lod` may
        be there.

    Raises:
      ValueError: lists every missing, unexpected and mis-shaped name; the network is left as it
        was.
    """
    reference_weights.assign(model.named_variables, arrays, ignored=IGNORED)


def extract(model):
    """Returns {local name: numpy array} of a network, in published order, without `lod`."""
    return reference_weights.extract(model.named_variables)
