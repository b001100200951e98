"""A bidirectional LSTM (Hochreiter & Schmidhuber 1997; Graves & Schmidhuber 2005) that many members run side by side.

It computes what ``torch.nn.LSTM(bidirectional=True)`` does and returns the last state of each direction. PyTorch's own
has no rule for ``torch.func.vmap``; this one takes both directions of all members in one batched product a step, and
its backward pass is written out, because a chain of small recorded operations costs more than the arithmetic.

The logistic function serves for the hyperbolic tangent too, tanh(a) = 2 logistic(2a) - 1, which is several times
faster. With the gates i, f, o, the candidate 2k - 1 and the state kept as u = 2c, one step is

    i, f, k, o = logistic([h, x, 1] W)      (the columns of k in W are doubled)
    u = f u' + 4 i k - 2 i                  (c = f c' + i (2k - 1))
    s = logistic(u),  h = 2 o s - o         (h = o tanh c)

and backwards, with the constants of GATE_FACTORS taken out of the loop into W and its gradient,

    do = 2 dh (s - 1/2),  du += 2 dh o s (1 - s),  di = 4 du (k - 1/2),  dk = 4 du i,  df = du u',  du' = du f.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

GATE_FACTORS = (4.0, 1.0, 4.0, 2.0)  # of di, df, dk, do


class BidirectionalLstm(nn.Module):
    """Both directions of one LSTM layer; the states start at zero.

    Parameters, direction 0 reading forward, 1 backward, gates in the order input, forget, candidate, output (that of
    ``torch.nn.LSTM``): ``input_weight`` [2, 4 unit, variable] (``weight_ih_l0``, ``weight_ih_l0_reverse``),
    ``recurrent_weight`` [2, 4 unit, unit] (``weight_hh_l0``), ``bias`` [2, 4 unit] (``bias_ih_l0 + bias_hh_l0``).
    """

    def __init__(self, variables: int, units: int) -> None:
        super().__init__()
        self.input_weight = nn.Parameter(torch.empty(2, 4 * units, variables))
        self.recurrent_weight = nn.Parameter(torch.empty(2, 4 * units, units))
        self.bias = nn.Parameter(torch.empty(2, 4 * units))

    def initialise(self, generator: torch.Generator) -> None:
        """Glorot uniform input weights, orthogonal recurrent weights, zero bias but one for the forget gate (Keras)."""
        units = self.recurrent_weight.shape[-1]
        for direction in range(2):
            nn.init.xavier_uniform_(self.input_weight[direction], generator=generator)
            nn.init.orthogonal_(self.recurrent_weight[direction], generator=generator)
        nn.init.zeros_(self.bias)
        nn.init.ones_(self.bias[:, units : 2 * units])

    def forward(self, sequence: Tensor) -> Tensor:
        """Last state of each direction, [batch, 2 unit], of ``sequence`` [batch, step, variable]."""
        arguments = (sequence, self.input_weight, self.recurrent_weight, self.bias)
        last, *_ = _Recurrence.apply(*(tensor.unsqueeze(0) for tensor in arguments), torch.is_grad_enabled())
        return last.squeeze(0)


class _Recurrence(torch.autograd.Function):
    """The recurrence of ``member`` LSTMs: sequence [member, batch, step, variable], weights with members first.

    ``keep``: keep what the backward pass reads. Without it memory does not grow with the steps.
    """

    @staticmethod
    def forward(
        sequence: Tensor, input_weight: Tensor, recurrent_weight: Tensor, bias: Tensor, keep: bool
    ) -> tuple[Tensor, ...]:
        members, batch, steps, variables = sequence.shape
        units = recurrent_weight.shape[-1]
        weight = torch.cat([recurrent_weight, input_weight, bias.unsqueeze(-1)], -1)
        weight = weight.flatten(0, 1).transpose(1, 2).contiguous()  # [member direction, unit + variable + 1, 4 unit]
        weight[..., 2 * units : 3 * units] *= 2
        kept, stack = steps if keep else 1, (members * 2, batch)
        reads = sequence.new_ones(kept, *stack, units + variables + 1)  # [h, x, 1]
        gates = sequence.new_empty(kept, *stack, 4 * units)
        states, logistics = (sequence.new_empty(kept, *stack, units) for _ in range(2))
        for step in range(steps):
            now, before, after = (place % kept for place in (step, step - 1, step + 1))
            read, state, logistic = reads[now], states[now], logistics[now]
            by_direction = read.unflatten(0, (members, 2))[..., units : units + variables]
            by_direction[:, 0], by_direction[:, 1] = sequence[:, :, step], sequence[:, :, steps - 1 - step]
            first = 0 if step else units  # the first step reads no state: it is zero
            torch.bmm(read[..., first:], weight[:, first:], out=gates[now]).sigmoid_()
            i, f, k, o = gates[now].split(units, -1)
            if step:
                torch.mul(f, states[before], out=state).sub_(i, alpha=2)
            else:
                torch.mul(i, -2, out=state)
            state.addcmul_(i, k, value=4)
            torch.sigmoid(state, out=logistic)
            hidden = reads[after, ..., :units]
            torch.mul(o, logistic, out=hidden).mul_(2).sub_(o)
        last = hidden.unflatten(0, (members, 2)).transpose(1, 2).flatten(2)  # it lies where the first step read none
        return last, weight, reads, gates, states, logistics

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.mark_non_differentiable(*output[1:])
        ctx.set_materialize_grads(False)
        if inputs[-1]:
            ctx.save_for_backward(*output[1:])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: None) -> tuple[Tensor | None, ...]:
        weight, reads, gates, states, logistics = ctx.saved_tensors
        steps, units = len(states), states.shape[-1]
        variables = weight.shape[1] - units - 1
        dh = torch.stack(gradient.split(units, -1), 1).flatten(0, 1)  # [member direction, batch, unit]
        factors = torch.tensor(GATE_FACTORS, dtype=dh.dtype, device=dh.device).repeat_interleave(units)
        backward_weight = (weight * factors).transpose(1, 2)
        dweight, du, product = torch.zeros_like(weight), torch.zeros_like(dh), torch.empty_like(dh)
        dgates = torch.empty_like(gates[0])
        di, df, dk, do = dgates.split(units, -1)
        dx = dh.new_zeros(len(dh) // 2, dh.shape[1], steps, variables) if ctx.needs_input_grad[0] else None
        for step in reversed(range(steps)):
            i, f, k, o = gates[step].split(units, -1)
            logistic = logistics[step]
            torch.mul(dh, torch.sub(logistic, 0.5, out=product), out=do)
            torch.mul(dh, o, out=product)
            du.add_(torch.ops.aten.sigmoid_backward(product, logistic), alpha=2)
            torch.mul(du, torch.sub(k, 0.5, out=product), out=di)
            torch.mul(du, i, out=dk)
            if step:
                torch.mul(du, states[step - 1], out=df)
                du.mul_(f)
            else:
                df.zero_()
            dreads = torch.ops.aten.sigmoid_backward(dgates, gates[step])
            if step:
                dweight.baddbmm_(reads[step].transpose(1, 2), dreads)
                torch.bmm(dreads, backward_weight[..., :units], out=dh)
            else:
                dweight[:, units:] += torch.bmm(reads[0, ..., units:].transpose(1, 2), dreads)
            if dx is not None:
                both = torch.bmm(dreads, backward_weight[..., units:-1]).unflatten(0, (-1, 2))
                dx[:, :, step] += both[:, 0]
                dx[:, :, steps - 1 - step] += both[:, 1]
        dweight *= factors
        dweight[..., 2 * units : 3 * units] *= 2
        dweight = dweight.transpose(1, 2).unflatten(0, (-1, 2))
        return dx, dweight[..., units:-1], dweight[..., :units], dweight[..., -1], None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> tuple[tuple[Tensor, ...], tuple]:
        """One more dimension of members, laid beside those that are there."""
        *tensors, keep = arguments
        merged = [
            (tensor.movedim(dim, 0) if dim is not None else tensor.expand(info.batch_size, *tensor.shape)).flatten(0, 1)
            for tensor, dim in zip(tensors, in_dims[:-1], strict=True)
        ]
        last, *kept = _Recurrence.apply(*merged, keep)
        return (last.unflatten(0, (info.batch_size, -1)), *kept), (0, *(None for _ in kept))
