"""Whole numbers of 32 bits within kernels, as hashes need them.

Numba widens every sum and product of them to 64 bits, which keeps the compiler from full-width vectors;
these few operations stay at 32. The last lines are the same for NumPy.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_MIX = ((16, 0x7FEB352D), (15, 0x846CA68B))
"""Shifts and factors of a hash that changes half of all bits if one changes."""
_LAST = 16
_I32, _F32 = ir.IntType(32), ir.FloatType()
_U = types.uint32
_intrinsic: Any = intrinsic  # its own types leave out that numba hands over the first argument


@_intrinsic
def plus(typing: Any, a: Any, b: Any) -> Any:
    """Return a + b, modulo 2**32."""
    return _U(_U, _U), lambda context, builder, sig, args: builder.add(*args)


@_intrinsic
def times(typing: Any, a: Any, b: Any) -> Any:
    """Return a * b, modulo 2**32."""
    return _U(_U, _U), lambda context, builder, sig, args: builder.mul(*args)


@_intrinsic
def either(typing: Any, a: Any, b: Any) -> Any:
    """Return the bits that one of a and b has, not both."""
    return _U(_U, _U), lambda context, builder, sig, args: builder.xor(*args)


@_intrinsic
def mixed(typing: Any, h: Any) -> Any:
    """Return the hash of h."""

    def made(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        (h,) = args
        for shift, factor in _MIX:
            h = builder.mul(builder.xor(h, builder.lshr(h, _I32(shift))), _I32(factor))
        return builder.xor(h, builder.lshr(h, _I32(_LAST)))

    return _U(_U), made


@_intrinsic
def ten_bits(typing: Any, h: Any, shift: Any) -> Any:
    """Return ten of the bits of h from `shift` on as a float32, 0 to 1023."""

    def made(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.sitofp(builder.and_(builder.lshr(*args), _I32(1023)), _F32)

    return types.float32(_U, _U), made


def mixed_numpy(h: Any) -> Any:
    """Return what `mixed` returns, of uint32 arrays."""
    with np.errstate(over="ignore"):
        for shift, factor in _MIX:
            h = (h ^ (h >> np.uint32(shift))) * np.uint32(factor)
        return h ^ (h >> np.uint32(_LAST))
