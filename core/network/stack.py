"""K multilayer perceptrons of one shape, trained as one stack.

The textbook's column form: ``z = W a + b`` with examples as columns. The bias is one more column
of its layer's weight, and meets a row of ones below the activations: ``[W b] [a; 1] = W a + b``.
So one product gives what a layer makes of a batch, and one product gives the gradients of its
weight and bias together.

Forward and backward are written out over buffers made once for each batch size: at these sizes
the time goes into calls, not into arithmetic, so none is spent on allocating, on autograd's tape
or on making views. Each layer's parameters and gradients are one contiguous block ``[K, out, in +
1]``: into anything else ``torch.bmm`` multiplies run by run, which took 65 us instead of 46 for the
first layer's gradient of 15 runs of 64-128-10.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from core.network import products
from core.spec import Activation

_aten = torch.ops.aten


#: Numbers of a cache line; columns that are too few to be worth aligning; columns of a row that is
#: long enough for aligned rows to pay with any batch.
_ALIGNED, _FEW_COLUMNS, _LONG_ROW = 16, 256, 1024
#: A batch with fewer examples has one of them after the other in memory, and not one unit: MKL
#: takes 57 us instead of 193 for 512 x 513 by 513 x 8, and from here on no less.
_FEW_EXAMPLES = 16
#: The parameters of a layer, of all runs together, from which on it brings more than it costs. With
#: several runs it costs views.
_LARGE_FOR_ONE, _LARGE_FOR_MORE = 1024, 8192


@dataclass(frozen=True)
class _Nonlinearity:
    """``forward(z, a)`` writes a = f(z), and ``in_place(a)`` f(a) into a;
    ``backward(d, z, a)`` turns dJ/da into dJ/dz in d.

    Unless it ``needs_z``, the backward may find a in the place of z.
    """

    forward: Callable[[Tensor, Tensor], object]
    in_place: Callable[[Tensor], object]
    backward: Callable[[Tensor, Tensor, Tensor], object]
    needs_z: bool = False


def _gelu(z: Tensor, a: Tensor) -> None:
    # Into a view of other strides this version's gelu.out writes wrong numbers.
    if a.is_contiguous():
        _aten.gelu.out(z, out=a)
    else:
        a.copy_(_aten.gelu(z))


_NONLINEARITIES = {
    Activation.RELU: _Nonlinearity(
        lambda z, a: torch.clamp_min(z, 0, out=a),
        Tensor.relu_,
        # z is above 0 just where a is.
        lambda d, z, a: _aten.threshold_backward.grad_input(d, z, 0, grad_input=d),
    ),
    Activation.TANH: _Nonlinearity(
        lambda z, a: torch.tanh(z, out=a),
        Tensor.tanh_,
        lambda d, z, a: _aten.tanh_backward.grad_input(d, a, grad_input=d),
    ),
    Activation.SIGMOID: _Nonlinearity(
        lambda z, a: torch.sigmoid(z, out=a),
        Tensor.sigmoid_,
        lambda d, z, a: _aten.sigmoid_backward.grad_input(d, a, grad_input=d),
    ),
    Activation.GELU: _Nonlinearity(
        _gelu,
        _aten.gelu_,
        lambda d, z, a: _aten.gelu_backward.grad_input(d, z, grad_input=d),
        needs_z=True,
    ),
}


class Layer:
    """One layer of K networks: ``parameters`` ``[K, out, in + 1]``, the last column the bias.

    ``weight`` ``[K, out, in]`` and ``bias`` ``[K, out, 1]`` are views of them, as are
    ``weight_gradient`` and ``bias_gradient`` of ``gradients``.
    """

    def __init__(self, parameters: Tensor, gradients: Tensor) -> None:
        self.parameters, self.gradients = parameters, gradients
        self.weight, self.bias = parameters[..., :-1], parameters[..., -1:]
        self.weight_gradient, self.bias_gradient = gradients[..., :-1], gradients[..., -1:]


class _Hidden(NamedTuple):
    """A hidden layer's buffers for one batch size, with the views that a step needs.

    ``a`` is without the row of ones, which ``with_ones`` has below it. ``weight`` is that of the
    layer itself; ``gradient``, the ``product`` that it is a copy of or the same as,
    ``with_ones_transposed`` and ``weight_transposed`` are what the backward of the next layer
    needs.
    """

    weight: Tensor
    z: Tensor
    a: Tensor
    with_ones: Tensor
    gradient: Tensor
    product: Tensor
    with_ones_transposed: Tensor
    weight_transposed: Tensor
    delta: Tensor


def _padded(size: int) -> int:
    """Columns to make room for, so that the rows of a large matrix begin at the same place of a
    cache line: a product of 2048 x 2049 and 2049 x 1437 took 190 ms, into rows of 1440 numbers
    128 ms. With few columns it brings nothing."""
    return _aligned(size) if size >= _FEW_COLUMNS else size


def _aligned(count: int) -> int:
    """Numbers that fill cache lines and have room for so many."""
    return -(-count // _ALIGNED) * _ALIGNED


def _is_long(columns: int, size: int) -> bool:
    """Whether a layer's gradient is worked out in aligned rows and then copied, as the bias makes
    its own rows begin anywhere: 2048 x 2049 over 1438 examples took 184 ms, and so 132."""
    return columns >= _LONG_ROW or columns * size >= _LONG_ROW * _FEW_COLUMNS


class Workspace:
    """Memory for what a step works out and nobody needs after it.

    Batches that are never stepped at the same time share one: what one wrote is still in the cache
    when another one writes there. Where each of 15 runs of 64-2048-10 had memory of its own, a step
    with 256 examples took 11 % longer.
    """

    def __init__(self) -> None:
        self._tensors: dict[tuple[object, ...], Tensor] = {}
        self._others: dict[int, Workspace] = {}

    def tensor(self, name: str, place: int, like: Tensor, *shape: int) -> Tensor:
        """The same for the same name, place and shape. At first all numbers are 1."""
        key = (name, place, *shape)
        if key not in self._tensors:
            self._tensors[key] = like.new_ones(shape)
        return self._tensors[key]

    def other(self, number: int) -> Workspace:
        """One for what is worked out at the same time; 0 is this one itself."""
        return self._others.setdefault(number, Workspace()) if number else self


class _Ways(NamedTuple):
    """How a batch multiplies, and how its activations lie in memory.

    ``multiply_last`` gives the logits, which lie as the losses read them. ``is_by_example`` has one
    example after the other; ``is_aligned`` has rows that begin where cache lines do.
    """

    multiply: Callable[..., object]
    multiply_last: Callable[..., object]
    add_product: Callable[..., object]
    is_by_example: bool
    is_aligned: bool


def _ways_for(layers: Sequence[Layer], size: int) -> _Ways:
    """The quickest ones for the runs that ``layers`` are of and so many examples."""
    is_single = len(layers[0].parameters) == 1
    largest = max((layer.parameters for layer in layers), key=Tensor.numel)
    enough = _LARGE_FOR_ONE if is_single else _LARGE_FOR_MORE
    is_by_example = (
        size < _FEW_EXAMPLES and largest.numel() >= enough and largest.device.type == "cpu"
    )
    if not is_single:
        multiply = products.bmm_by_example if is_by_example else torch.bmm
        return _Ways(multiply, torch.bmm, torch.baddbmm, is_by_example, is_aligned=False)
    if products.takes_onednn(largest[0], size):
        return _Ways(products.mm, products.mm, products.addmm, is_by_example, is_aligned=False)
    return _Ways(torch.mm, torch.mm, torch.addmm, is_by_example, is_aligned=True)


class Batch:
    """Forward and backward of the runs that ``layers`` are of, for one batch size N.

    A single run has matrices ``[C, N]``, k runs have stacks of them ``[k, C, N]``: ``mm`` takes
    3.9 us where ``bmm`` takes 5.7. A single run with a large layer multiplies by oneDNN where that
    is quicker. Of a batch that is one of the pieces of another, ``mean_over`` says how many
    examples that has.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        activation: Activation,
        size: int,
        workspace: Workspace | None = None,
        mean_over: int | None = None,
    ) -> None:
        workspace = workspace or Workspace()
        self._nonlinearity = _NONLINEARITIES[activation]
        count = len(layers[0].parameters)
        self._is_single = count == 1
        self._ways = ways = _ways_for(layers, size)
        self._mean_factor = 1 / (mean_over or size)
        self._is_in_place = self._is_single and not self._nonlinearity.needs_z
        weights = [self.flat(layer.parameters) for layer in layers]
        gradients = [self.flat(layer.gradients) for layer in layers]
        in_rows = [
            self._product_of(gradient, size, workspace, place)
            for place, gradient in enumerate(gradients)
        ]
        self._last_weight = weights[-1]
        self._first_gradient, self._first_product = gradients[0], in_rows[0]

        self._hidden = []
        for place, layer in enumerate(layers[:-1]):
            width = layer.parameters.shape[-2]

            def buffer(name: str, rows: int, place: int = place) -> Tensor:
                like = layers[0].parameters
                if ways.is_by_example:
                    name += ", by example"
                    by_example = workspace.tensor(name, place, like, count, size, rows)
                    return self.flat(by_example.transpose(1, 2))
                columns = _padded(size) if ways.is_aligned else size
                whole = workspace.tensor(name, place, like, count, rows, columns)
                return self.flat(whole)[..., :size]

            with_ones = buffer("with_ones", width + 1)
            a = with_ones[..., :-1, :]
            self._hidden.append(
                _Hidden(
                    weights[place],
                    # Products write into contiguous memory alone, which of stacks a is not.
                    a if self._is_in_place else buffer("z", width),
                    a,
                    with_ones,
                    gradients[place + 1],
                    in_rows[place + 1],
                    with_ones.transpose(-1, -2),
                    weights[place + 1][..., :-1].transpose(-1, -2),
                    buffer("delta", width),
                )
            )
        self._from_last = self._hidden[::-1]

    def _product_of(self, gradient: Tensor, size: int, workspace: Workspace, place: int) -> Tensor:
        """Where the gradient of a layer is worked out: in its own place, or in aligned rows."""
        columns = gradient.shape[-1]
        if not (self._ways.is_aligned and _is_long(columns, size)):
            return gradient
        shape = (len(gradient), _aligned(columns))
        return workspace.tensor("product", place, gradient, *shape)[:, :columns]

    def flat(self, values: Tensor) -> Tensor:
        """Of a single run's stack of one its matrix; any other stack as it is."""
        return values[0] if self._is_single else values

    @property
    def activations(self) -> list[Tensor]:
        """What the hidden layers gave at the last ``forward``: ``[(k,) H, N]`` each."""
        return [hidden.a for hidden in self._hidden]

    def forward(self, columns: Tensor, logits: Tensor) -> None:
        """Fill ``logits`` ``[(k,) C, N]`` from x as ``columns`` ``[(k,) D + 1, N]``, the last row
        of ones."""
        multiply, nonlinearity, is_in_place = (
            self._ways.multiply,
            self._nonlinearity,
            self._is_in_place,
        )
        values = columns
        for hidden in self._hidden:
            multiply(hidden.weight, values, out=hidden.z)
            if is_in_place:
                nonlinearity.in_place(hidden.a)
            else:
                nonlinearity.forward(hidden.z, hidden.a)
            values = hidden.with_ones
        self._ways.multiply_last(self._last_weight, values, out=logits)

    def backward(self, rows: Tensor, logit_gradients: Tensor) -> None:
        """Fill the runs' gradients, after ``forward`` of the same x, which ``rows`` ``[(k,) N, D +
        1]`` are, with the mean over the examples, whose own gradients in the logits are given:
        ``[(k,) C, N]``."""
        # The products that sum over the examples divide by N as they do so, which costs nothing.
        multiply, mean_product, factor = (
            self._ways.multiply,
            self._ways.add_product,
            self._mean_factor,
        )
        backward = self._nonlinearity.backward
        outer = logit_gradients
        for _, z, a, _, gradient, product, ones_transposed, transposed, delta in self._from_last:
            mean_product(product, outer, ones_transposed, beta=0, alpha=factor, out=product)
            if product is not gradient:
                gradient.copy_(product)
            multiply(transposed, outer, out=delta)
            backward(delta, z, a)
            outer = delta
        product = self._first_product
        mean_product(product, outer, rows, beta=0, alpha=factor, out=product)
        if product is not self._first_gradient:
            self._first_gradient.copy_(product)


class Stack:
    """The parameters and gradients of K networks, ``flat`` and layer by layer.

    In ``flat`` and ``flat_gradients`` each layer's parameters lie side by side, ``[K, out, in +
    1]``, from the first layer to the last.
    """

    def __init__(
        self,
        runs: int,
        layer_sizes: Sequence[int],
        activation: Activation,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        shapes = [(fan_out, fan_in + 1) for fan_in, fan_out in itertools.pairwise(layer_sizes)]
        sizes = [fan_out * columns for fan_out, columns in shapes]
        self.runs = runs
        self.layer_sizes = tuple(layer_sizes)
        self.activation = activation
        self.flat = torch.zeros(runs * sum(sizes), device=device, dtype=dtype)
        self.flat_gradients = torch.zeros_like(self.flat)
        lengths = [runs * size for size in sizes]
        blocks = zip(self.flat.split(lengths), self.flat_gradients.split(lengths), strict=True)
        self.layers = [
            Layer(parameters.view(runs, *shape), gradients.view(runs, *shape))
            for shape, (parameters, gradients) in zip(shapes, blocks, strict=True)
        ]
        #: How many parameters a run has, and how many of them its trunk has.
        self.run_size = sum(sizes)
        self.trunk_size = self.run_size - sizes[-1]

    def layers_of(self, runs: slice) -> list[Layer]:
        """The layers of some neighbouring runs alone."""
        return [Layer(each.parameters[runs], each.gradients[runs]) for each in self.layers]

    def parameters_of(self, run: int) -> Tensor:
        """A copy of a run's parameters ``[run_size]``, of each layer its weights and then its
        biases: first the trunk's, then the head's."""
        parts = [part[run] for layer in self.layers for part in (layer.weight, layer.bias)]
        return torch.cat([part.flatten() for part in parts])

    def gradient_norms(self) -> Tensor:
        """The norm of each run's whole gradient: ``[K]``."""
        squares = [layer.gradients.square().sum((1, 2)) for layer in self.layers]
        return torch.stack(squares).sum(0).sqrt()

    def activations(self, x: Tensor, runs: slice) -> Iterator[Tensor]:
        """x ``[S, N, D]`` itself as columns, then what each hidden layer of the given S runs makes
        of it: ``[S, H, N]``. Outside training."""
        nonlinearity = _NONLINEARITIES[self.activation]
        a = x.transpose(1, 2)
        yield a
        for layer in self.layers[:-1]:
            a = _affine(layer, runs, a)
            nonlinearity.in_place(a)
            yield a

    def logits(self, x: Tensor, runs: slice) -> Tensor:
        """Logits ``[S, C, N]`` of the given S runs for x ``[S, N, D]``, outside training."""
        return self.head(self.last_activation(x, runs), runs)

    def last_activation(self, x: Tensor, runs: slice) -> Tensor:
        """What the last layer is given for x ``[S, N, D]``: ``[S, H, N]``."""
        # Of the hidden layers no more than the last is held in memory.
        return deque(self.activations(x, runs), maxlen=1).pop()

    def head(self, a: Tensor, runs: slice) -> Tensor:
        """What the last layer of the given runs makes of a ``[S, H, N]``: logits ``[S, C, N]``."""
        return _affine(self.layers[-1], runs, a)


def _affine(layer: Layer, runs: slice, a: Tensor) -> Tensor:
    """``W a + b`` of the given S runs: a ``[S, in, N]`` to ``[S, out, N]``."""
    weight, bias = layer.weight[runs], layer.bias[runs]
    if not products.takes_onednn(weight[0], a.shape[2]):
        return torch.baddbmm(bias, weight, a)
    z = a.new_empty(len(a), weight.shape[1], a.shape[2])
    for number in range(len(a)):
        torch.add(products.product(weight[number], a[number]), bias[number], out=z[number])
    return z
