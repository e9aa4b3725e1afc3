"""K multilayer perceptrons as one stack, where they start, and which loss trains which."""
