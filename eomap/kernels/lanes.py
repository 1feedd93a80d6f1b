"""Neighbouring pixels side by side in one register, for kernels that cannot leave that to the compiler.

LLVM turns a loop into vectors only where it can prove that what is written overlaps nothing that is read, and
gives up beyond some eight rows. Here a kernel says it outright: a value of type `lanes` is LANES values of
uint16, and these functions work on all of them at once, in the registers that the machine has. They are for
compiled code only. None looks at an array's bounds: LANES pixels from `at` on have to exist.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic as _intrinsic
from numba.extending import models, register_model

LANES = 16
"""Pixels of uint16 in one register of 256 bits. With the 512 that some machines have, most loads straddle two
lines of the cache, and the median was slower (bench/README.md). Whoever changes it empties Numba's cache,
which cannot tell who depends on it.
"""

intrinsic: Any = _intrinsic

_U16 = ir.VectorType(ir.IntType(16), LANES)
_U8 = ir.VectorType(ir.IntType(8), LANES)


class _Lanes(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"uint16 x {LANES}")


lanes = _Lanes()


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _U16)


def _address(context: Any, builder: Any, kind: Any, row: Any, at: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, row).data, [at])


def _of_two(name: str, make: Any) -> Any:
    """Return an intrinsic of two lanes from what builds it."""

    def of_two(typing, a, b):
        def code(context, builder, signature, args):
            return make(builder, *args)

        return lanes(lanes, lanes), code

    of_two.__name__ = name
    return intrinsic(of_two)


def _choose(sign: str) -> Any:
    return lambda builder, a, b: builder.select(builder.icmp_unsigned(sign, a, b), a, b)


lower = _of_two("lower", _choose("<"))
"""The lower of two values."""
higher = _of_two("higher", _choose(">"))
"""The higher of two values."""
both = _of_two("both", lambda builder, a, b: builder.and_(a, b))
"""Bits that both have."""
either = _of_two("either", lambda builder, a, b: builder.or_(a, b))
"""Bits that one has, or both."""
differ = _of_two("differ", lambda builder, a, b: builder.xor(a, b))
"""Bits that one has, and not both."""
minus = _of_two("minus", lambda builder, a, b: builder.sub(a, b))
"""The difference, modulo 65536."""


@intrinsic
def filled(typing, value):
    """Return the same value in all lanes."""

    def code(context, builder, signature, args):
        first = builder.insert_element(
            ir.Constant(_U16, ir.Undefined), args[0], ir.Constant(ir.IntType(32), 0)
        )
        return builder.shuffle_vector(
            first, first, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        )

    return lanes(types.uint16), code


@intrinsic
def halved(typing, value):
    """Return half of the values, rounded down."""

    def code(context, builder, signature, args):
        return builder.lshr(args[0], ir.Constant(_U16, [1] * LANES))

    return lanes(lanes), code


@intrinsic
def told(typing, value):
    """Return 65535 where a value is not 0, and 0 elsewhere."""

    def code(context, builder, signature, args):
        zero = ir.Constant(_U16, [0] * LANES)
        return builder.sext(builder.icmp_unsigned("!=", args[0], zero), _U16)

    return lanes(lanes), code


@intrinsic
def load(typing, row, at):
    """Return the pixels of a row of uint16 from `at` on."""

    def code(context, builder, signature, args):
        address = _address(context, builder, signature.args[0], *args)
        return builder.load(builder.bitcast(address, _U16.as_pointer()), align=2)

    return lanes(row, types.uint64), code


@intrinsic
def load_bool(typing, row, at):
    """Return 65535 where a row of bool holds true from `at` on, and 0 elsewhere."""

    def code(context, builder, signature, args):
        address = _address(context, builder, signature.args[0], *args)
        value = builder.load(builder.bitcast(address, _U8.as_pointer()), align=1)
        return builder.sext(builder.icmp_unsigned("!=", value, ir.Constant(_U8, [0] * LANES)), _U16)

    return lanes(row, types.uint64), code


@intrinsic
def store(typing, row, at, value):
    """Write the pixels of a row of uint16 from `at` on."""

    def code(context, builder, signature, args):
        address = _address(context, builder, signature.args[0], *args[:2])
        builder.store(args[2], builder.bitcast(address, _U16.as_pointer()), align=2)
        return context.get_dummy_value()

    return types.void(row, types.uint64, lanes), code


@intrinsic
def prefetch(typing, row, at):
    """Ask for the pixels of a row near `at`, which the machine may then have at hand; any `at` is allowed."""

    def code(context, builder, signature, args):
        address = builder.bitcast(
            _address(context, builder, signature.args[0], *args), ir.IntType(8).as_pointer()
        )
        i32 = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, i32, i32, i32])
        ask = builder.module.declare_intrinsic("llvm.prefetch", [address.type], kind)
        builder.call(ask, [address, *(ir.Constant(i32, n) for n in (0, 2, 1))])  # to read, second level, data
        return context.get_dummy_value()

    return types.void(row, types.uint64), code
