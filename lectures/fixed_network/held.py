"""The network that a lecture holds fixed: real weights where --weights names them, else one that learned here."""

from lectures.fixed_network.procedural import digit_network, texture_network

KINDS = {"texture": texture_network, "digits": digit_network}


def held_network(options, report, kind="texture"):
    """A FixedNetwork: of `--weights FILE`, else the procedural one of the seed. ValueError for another kind.

    Which it is stands in result.json: extra "network", and "weights", the name of the file.
    """
    if kind not in KINDS:
        raise ValueError(f"held_network: kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if options.weights is None:
        network = KINDS[kind](options, report, options.seed)
    else:
        from lectures.fixed_network.real_weights import real_network

        network = real_network(options.weights)
        report.extra["weights"] = options.weights.name
    report.extra["network"] = network.name
    return network
