"""An LSTM (Hochreiter & Schmidhuber 1997), in one or two directions (Graves & Schmidhuber 2005), for many members.

It computes what ``torch.nn.LSTM`` does. PyTorch's own has no rule for ``torch.func.vmap``; this one takes all
directions of all members in one batched product a step, and its backward pass is written out, because a chain of small
recorded operations costs more than the arithmetic.

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
State = tuple[Tensor, Tensor]


class Lstm(nn.Module):
    """One LSTM layer in one or two directions.

    Parameters, direction 0 reading forward, 1 backward, gates in the order input, forget, candidate, output (that of
    ``torch.nn.LSTM``): ``input_weight`` [direction, 4 unit, variable] (``weight_ih_l0``, ``weight_ih_l0_reverse``),
    ``recurrent_weight`` [direction, 4 unit, unit] (``weight_hh_l0``), ``bias`` [direction, 4 unit]
    (``bias_ih_l0 + bias_hh_l0``).

    Args:
        variables: of the sequence.
        units: a direction.
        directions: 1, or 2 to read the sequence backward too.
        every: answer with the state of every step, not the last of each direction.
    """

    def __init__(self, variables: int, units: int, *, directions: int = 1, every: bool = False) -> None:
        super().__init__()
        self.units, self.every = units, every
        self.input_weight = nn.Parameter(torch.empty(directions, 4 * units, variables))
        self.recurrent_weight = nn.Parameter(torch.empty(directions, 4 * units, units))
        self.bias = nn.Parameter(torch.empty(directions, 4 * units))

    def initialise(self, generator: torch.Generator) -> None:
        """Glorot uniform input weights, orthogonal recurrent weights, zero bias but one for the forget gate (Keras)."""
        for direction in range(len(self.bias)):
            nn.init.xavier_uniform_(self.input_weight[direction], generator=generator)
            nn.init.orthogonal_(self.recurrent_weight[direction], generator=generator)
        nn.init.zeros_(self.bias)
        nn.init.ones_(self.bias[:, self.units : 2 * self.units])

    def forward(self, sequence: Tensor) -> Tensor:
        """States of ``sequence`` [batch, step, variable], which begin at zero.

        Returns:
            [batch, direction unit], the last state of each direction; where ``every``, [batch, step, direction unit].
        """
        return self._run(sequence, None)[0]

    def carry(self, sequence: Tensor, state: State | None) -> tuple[Tensor, State]:
        """As ``forward``, from the state that an earlier call gave on; with the state after the last step.

        A state is (h, c), each [batch, direction, unit]; None begins at zero.
        """
        return self._run(sequence, state)

    def _run(self, sequence: Tensor, state: State | None) -> tuple[Tensor, State]:
        arguments = [sequence, self.input_weight, self.recurrent_weight, self.bias]
        if state is not None:
            arguments += state
        outputs, hidden, cell, *_ = _Recurrence.apply(  # type: ignore[no-untyped-call]
            self.every, torch.is_grad_enabled(), *(tensor.unsqueeze(0) for tensor in arguments)
        )
        return outputs.squeeze(0), (hidden.squeeze(0), cell.squeeze(0))


class _Recurrence(torch.autograd.Function):
    """The recurrence of ``member`` LSTMs: sequence [member, batch, step, variable], weights with members first, and
    the states h and c [member, batch, direction, unit] that it begins with, or neither.

    ``keep``: keep what the backward pass reads. Without it memory does not grow with the steps.
    """

    @staticmethod
    def forward(every: bool, keep: bool, *tensors: Tensor) -> tuple[Tensor, ...]:
        sequence, input_weight, recurrent_weight, bias, *state = tensors
        members, batch, steps, variables = sequence.shape
        directions, units = recurrent_weight.shape[1], recurrent_weight.shape[-1]
        weight = torch.cat([recurrent_weight, input_weight, bias.unsqueeze(-1)], -1)
        weight = weight.flatten(0, 1).transpose(1, 2).contiguous()  # [member direction, unit + variable + 1, 4 unit]
        weight[..., 2 * units : 3 * units] *= 2
        kept, stack = steps if keep else 1, (members * directions, batch)
        reads = sequence.new_ones(kept, *stack, units + variables + 1)  # [h, x, 1]
        gates = sequence.new_empty(kept, *stack, 4 * units)
        states, logistics = (sequence.new_empty(kept, *stack, units) for _ in range(2))
        answers = sequence.new_empty(steps if every else 0, *stack, units)
        begin = reads.new_empty(0)
        if state:
            reads[0, ..., :units] = _by_stack(state[0])
            begin = 2 * _by_stack(state[1])
        last = reads.new_empty(*stack, units)
        for step in range(steps):
            now, before = step % kept, (step - 1) % kept
            read, state_now, logistic = reads[now], states[now], logistics[now]
            by_direction = read.unflatten(0, (members, directions))[..., units : units + variables]
            by_direction[:, 0] = sequence[:, :, step]
            if directions == 2:
                by_direction[:, 1] = sequence[:, :, steps - 1 - step]
            first = 0 if step or state else units  # a first step from zero reads no state
            torch.bmm(read[..., first:], weight[:, first:], out=gates[now]).sigmoid_()
            i, f, k, o = gates[now].split(units, -1)
            if step or state:
                torch.mul(f, states[before] if step else begin, out=state_now).sub_(i, alpha=2)
            else:
                torch.mul(i, -2, out=state_now)
            state_now.addcmul_(i, k, value=4)
            torch.sigmoid(state_now, out=logistic)
            hidden = reads[(step + 1) % kept, ..., :units] if step < steps - 1 else last
            torch.mul(o, logistic, out=hidden).mul_(2).sub_(o)
            if every:
                answers[step] = hidden
        last = last.unflatten(0, (members, directions)).transpose(1, 2)
        if every:
            outputs = answers.unflatten(1, (members, directions))
            if directions == 2:
                outputs = torch.stack([outputs[:, :, 0], outputs[:, :, 1].flip(0)], 2)
            outputs = outputs.permute(1, 3, 0, 2, 4).flatten(3).contiguous()
        else:
            outputs = last.flatten(2)
        cell = states[(steps - 1) % kept].unflatten(0, (members, directions)).transpose(1, 2) / 2
        return outputs, last.clone(), cell, weight, reads, gates, states, logistics, begin

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.mark_non_differentiable(*output[3:])
        ctx.set_materialize_grads(False)
        ctx.every, ctx.starts, ctx.directions = inputs[0], len(inputs) > 6, inputs[4].shape[1]
        if inputs[1]:
            ctx.save_for_backward(*output[3:])

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, outputs: Tensor | None, last: Tensor | None, cell: Tensor | None, *_: None
    ) -> tuple[Tensor | None, ...]:
        weight, reads, gates, states, logistics, begin = ctx.saved_tensors
        steps, stack, units, directions = len(states), states.shape[1:3], states.shape[-1], ctx.directions
        members, variables = stack[0] // directions, weight.shape[1] - units - 1
        dh, du = reads.new_zeros(*stack, units), reads.new_zeros(*stack, units)
        if last is not None:
            dh += _by_stack(last)
        if cell is not None:
            du += _by_stack(cell) / 2
        by_step = None
        if outputs is not None and ctx.every:
            by_step = outputs.unflatten(3, (directions, units)).permute(2, 0, 3, 1, 4)  # [step, member, direction, ...]
            if directions == 2:
                by_step = torch.stack([by_step[:, :, 0], by_step[:, :, 1].flip(0)], 2)
            by_step = by_step.flatten(1, 2)
        elif outputs is not None:
            dh += _by_stack(outputs.unflatten(2, (directions, units)))
        factors = torch.tensor(GATE_FACTORS, dtype=dh.dtype, device=dh.device).repeat_interleave(units)
        backward_weight = (weight * factors).transpose(1, 2)
        dweight, product = torch.zeros_like(weight), torch.empty_like(dh)
        dgates = torch.empty_like(gates[0])
        di, df, dk, do = dgates.split(units, -1)
        dx = dh.new_zeros(members, dh.shape[1], steps, variables) if ctx.needs_input_grad[2] else None
        for step in reversed(range(steps)):
            if by_step is not None:
                dh = dh + by_step[step]
            i, f, k, o = gates[step].split(units, -1)
            logistic = logistics[step]
            torch.mul(dh, torch.sub(logistic, 0.5, out=product), out=do)
            torch.mul(dh, o, out=product)
            du.add_(torch.ops.aten.sigmoid_backward(product, logistic), alpha=2)
            torch.mul(du, torch.sub(k, 0.5, out=product), out=di)
            torch.mul(du, i, out=dk)
            if step or ctx.starts:
                torch.mul(du, states[step - 1] if step else begin, out=df)
                du.mul_(f)
            else:
                df.zero_()
            dreads = torch.ops.aten.sigmoid_backward(dgates, gates[step])
            if step or ctx.starts:
                dweight.baddbmm_(reads[step].transpose(1, 2), dreads)
                torch.bmm(dreads, backward_weight[..., :units], out=dh)
            else:
                dweight[:, units:] += torch.bmm(reads[0, ..., units:].transpose(1, 2), dreads)
            if dx is not None:
                of_x = torch.bmm(dreads, backward_weight[..., units:-1]).unflatten(0, (members, directions))
                dx[:, :, step] += of_x[:, 0]
                if directions == 2:
                    dx[:, :, steps - 1 - step] += of_x[:, 1]
        dweight *= factors
        dweight[..., 2 * units : 3 * units] *= 2
        dweight = dweight.transpose(1, 2).unflatten(0, (members, directions))
        gradients = (None, None, dx, dweight[..., units:-1], dweight[..., :units], dweight[..., -1])
        if not ctx.starts:
            return gradients
        dh, du = (part.unflatten(0, (members, directions)).transpose(1, 2) for part in (dh, 2 * du))
        return (*gradients, dh, du)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], every: bool, keep: bool, *tensors: Tensor) -> tuple[Any, ...]:
        """One more dimension of members, laid beside those that are there."""
        merged = [
            (tensor.movedim(dim, 0) if dim is not None else tensor.expand(info.batch_size, *tensor.shape)).flatten(0, 1)
            for tensor, dim in zip(tensors, in_dims[2:], strict=True)
        ]
        *answers, weight, reads, gates, states, logistics, begin = _Recurrence.apply(every, keep, *merged)  # type: ignore[no-untyped-call]
        answers = [tensor.unflatten(0, (info.batch_size, -1)) for tensor in answers]
        kept = (weight, reads, gates, states, logistics, begin)
        return (*answers, *kept), (*(0 for _ in answers), *(None for _ in kept))


def _by_stack(tensor: Tensor) -> Tensor:
    """[member direction, batch, unit] of [member, batch, direction, unit]."""
    return tensor.transpose(1, 2).flatten(0, 1)
