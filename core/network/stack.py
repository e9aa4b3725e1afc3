"""K multilayer perceptrons of one shape, trained as one stack.

The textbook's column form: ``z = W a + b`` with examples as columns. Weights are
``[K, out, in]`` as in ``nn.Linear``, biases ``[K, out, 1]``, activations
``[K, out, N]``; run k is the k-th slice of each, and all of a run's parameters lie
side by side in one row of a flat ``[K, P]`` tensor, as do its gradients.

Forward and backward are written out over buffers made once for each batch size: at
these sizes the time goes into calls, not into arithmetic, so none is spent on
allocating, on autograd's tape or on making views.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.spec import Activation

_aten = torch.ops.aten


@dataclass(frozen=True)
class _Nonlinearity:
    """``forward(z, a)`` writes a = f(z); ``backward(d, z, a)`` turns dJ/da into dJ/dz in d.

    Where ``in_place``, z and a are one tensor: the backward needs a alone.
    """

    forward: Callable[[Tensor, Tensor], object]
    backward: Callable[[Tensor, Tensor, Tensor], object]
    in_place: bool


_NONLINEARITIES = {
    Activation.RELU: _Nonlinearity(
        lambda z, a: z.relu_(),
        lambda d, z, a: _aten.threshold_backward.grad_input(d, a, 0, grad_input=d),
        in_place=True,
    ),
    Activation.TANH: _Nonlinearity(
        lambda z, a: z.tanh_(),
        lambda d, z, a: _aten.tanh_backward.grad_input(d, a, grad_input=d),
        in_place=True,
    ),
    Activation.SIGMOID: _Nonlinearity(
        lambda z, a: z.sigmoid_(),
        lambda d, z, a: _aten.sigmoid_backward.grad_input(d, a, grad_input=d),
        in_place=True,
    ),
    Activation.GELU: _Nonlinearity(
        lambda z, a: _aten.gelu.out(z, out=a),
        lambda d, z, a: _aten.gelu_backward.grad_input(d, z, grad_input=d),
        in_place=False,
    ),
}


@dataclass(frozen=True)
class Layer:
    """Views of one layer in the flat tensors: weight ``[K, out, in]``, bias ``[K, out, 1]``."""

    weight: Tensor
    bias: Tensor
    weight_gradient: Tensor
    bias_gradient: Tensor


@dataclass(frozen=True)
class _Hidden:
    """A hidden layer's buffers for one batch size, with the views that a step needs."""

    z: Tensor
    a: Tensor
    a_transposed: Tensor
    delta: Tensor


class Batch:
    """Forward and backward of a stack for one batch size N.

    ``logits`` and ``logit_gradients`` are ``[K, C, N]``. Rows of a head narrower than
    the widest stay 0 in ``logit_gradients``, so its padding is never trained.
    """

    def __init__(self, stack: Stack, size: int) -> None:
        self._layers = stack.layers
        self._nonlinearity = _NONLINEARITIES[stack.activation]
        runs, *_ = stack.parameters.shape

        def buffer(width: int) -> Tensor:
            return stack.parameters.new_zeros(runs, width, size)

        self._hidden = []
        for width in stack.layer_sizes[1:-1]:
            z = buffer(width)
            a = z if self._nonlinearity.in_place else buffer(width)
            self._hidden.append(_Hidden(z, a, a.transpose(1, 2), buffer(width)))
        self.logits = buffer(stack.layer_sizes[-1])
        self.logit_gradients = buffer(stack.layer_sizes[-1])
        self._weights_transposed = [layer.weight.transpose(1, 2) for layer in stack.layers]

    @property
    def activations(self) -> list[Tensor]:
        """What the hidden layers gave at the last ``forward``: ``[K, H, N]`` each."""
        return [hidden.a for hidden in self._hidden]

    def forward(self, x: Tensor) -> None:
        """Fill ``logits`` from x ``[K, N, D]``."""
        a = x.transpose(1, 2)
        for layer, hidden in zip(self._layers, self._hidden, strict=False):
            torch.baddbmm(layer.bias, layer.weight, a, out=hidden.z)
            self._nonlinearity.forward(hidden.z, hidden.a)
            a = hidden.a
        head = self._layers[-1]
        torch.baddbmm(head.bias, head.weight, a, out=self.logits)

    def backward(self, x: Tensor) -> None:
        """Fill the stack's gradients from ``logit_gradients``, after ``forward(x)``."""
        delta = self.logit_gradients
        for index in range(len(self._hidden), 0, -1):
            hidden, layer = self._hidden[index - 1], self._layers[index]
            torch.bmm(delta, hidden.a_transposed, out=layer.weight_gradient)
            torch.sum(delta, 2, keepdim=True, out=layer.bias_gradient)
            torch.bmm(self._weights_transposed[index], delta, out=hidden.delta)
            self._nonlinearity.backward(hidden.delta, hidden.z, hidden.a)
            delta = hidden.delta
        torch.bmm(delta, x, out=self._layers[0].weight_gradient)
        torch.sum(delta, 2, keepdim=True, out=self._layers[0].bias_gradient)


class Stack:
    """The parameters and gradients of K networks, and a ``Batch`` for each batch size."""

    def __init__(
        self,
        runs: int,
        layer_sizes: Sequence[int],
        activation: Activation,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        shapes = list(itertools.pairwise(layer_sizes))
        count = sum((fan_in + 1) * fan_out for fan_in, fan_out in shapes)
        self.layer_sizes = tuple(layer_sizes)
        self.activation = activation
        self.parameters = torch.zeros(runs, count, device=device, dtype=dtype)
        self.gradients = torch.zeros_like(self.parameters)
        self.layers: list[Layer] = []
        start = 0
        for fan_in, fan_out in shapes:
            middle, end = start + fan_in * fan_out, start + (fan_in + 1) * fan_out
            self.layers.append(
                Layer(
                    self.parameters[:, start:middle].view(runs, fan_out, fan_in),
                    self.parameters[:, middle:end].view(runs, fan_out, 1),
                    self.gradients[:, start:middle].view(runs, fan_out, fan_in),
                    self.gradients[:, middle:end].view(runs, fan_out, 1),
                )
            )
            start = end
        head_inputs, head_width = shapes[-1]
        #: So many numbers at the start of a run's row are its trunk's, the rest its head's.
        self.trunk_size = count - (head_inputs + 1) * head_width
        self._batches: dict[int, Batch] = {}

    def batch(self, size: int) -> Batch:
        """The buffers for a batch of ``size`` examples, made at first use."""
        if size not in self._batches:
            self._batches[size] = Batch(self, size)
        return self._batches[size]

    def activations(self, x: Tensor, runs: slice) -> Iterator[Tensor]:
        """x ``[S, N, D]`` itself as columns, then what each hidden layer of the given S runs makes
        of it: ``[S, H, N]``. Outside training."""
        nonlinearity = _NONLINEARITIES[self.activation]
        a = x.transpose(1, 2)
        yield a
        for layer in self.layers[:-1]:
            z = torch.baddbmm(layer.bias[runs], layer.weight[runs], a)
            a = z if nonlinearity.in_place else torch.empty_like(z)
            nonlinearity.forward(z, a)
            yield a

    def logits(self, x: Tensor, runs: slice) -> Tensor:
        """Logits ``[S, C, N]`` of the given S runs for x ``[S, N, D]``, outside training."""
        # Of the hidden layers no more than the last is held in memory.
        last = deque(self.activations(x, runs), maxlen=1).pop()
        head = self.layers[-1]
        return torch.baddbmm(head.bias[runs], head.weight[runs], last)
