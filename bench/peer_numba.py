"""W1 in Numba as an expert would write it: lanes are runs, and nothing is left to scalar library calls.

Every inner loop goes over the lanes of a block and has neither branches nor calls, so that LLVM turns it into
vector code: an own float64 ``tanh`` (``expm1`` by a polynomial, one division), an own xoshiro128++ generator
for each lane, float32 Box-Muller normals from an own logarithm, sine and cosine. Blocks of runs go to the
threads by ``prange``. Of the fast-math licences only contraction (fused multiply-add) is taken: the others
would break the rounding trick in ``tanh``.

LLVM prefers 256-bit registers on some processors with AVX-512. Numba has no option for that; where the environment
says ``BENCH_NUMBA_WIDE=1`` the preference is taken back through ``NUMBA_CPU_FEATURES`` before Numba is imported.
Numba is optional: `AVAILABLE` says whether it is there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from workloads import FloatArray, LatchSweep

Decorator = Callable[[Callable[..., Any]], Any]


def _prefer_wide_registers() -> None:
    binding: Any = import_module("llvmlite.binding")

    features = binding.get_host_cpu_features().flatten()
    if "+avx512f" in features and "NUMBA_CPU_FEATURES" not in os.environ:
        os.environ["NUMBA_CPU_NAME"] = binding.get_host_cpu_name()
        os.environ["NUMBA_CPU_FEATURES"] = features + ",-prefer-256-bit"


try:
    if os.environ.get("BENCH_NUMBA_WIDE") == "1":
        _prefer_wide_registers()
    # without their types: a compiled function is not what its Python source says
    nb: Any = import_module("numba")
    types: Any = nb.types
    intrinsic: Decorator = import_module("numba.extending").intrinsic
    ir: Any = import_module("llvmlite.ir")
except ImportError:
    AVAILABLE = False
    REASON = "the Numba contestant is left out: Numba is not installed (pip install numba)"
else:
    AVAILABLE = True
    REASON = ""

LANES = 128


if AVAILABLE:

    @intrinsic
    def _bits_to_float64(typingctx: Any, bits: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.bitcast(args[0], ir.DoubleType())

        return types.float64(types.int64), code

    @intrinsic
    def _float64_to_bits(typingctx: Any, value: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.bitcast(args[0], ir.IntType(64))

        return types.int64(types.float64), code

    @intrinsic
    def _bits_to_float32(typingctx: Any, bits: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.bitcast(args[0], ir.FloatType())

        return types.float32(types.uint32), code

    @intrinsic
    def _float32_to_bits(typingctx: Any, value: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.bitcast(args[0], ir.IntType(32))

        return types.uint32(types.float32), code

    options: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy", "boundscheck": False}
    inline: Decorator = nb.njit(inline="always", **options)
    kernel: Decorator = nb.njit(**options)
    parallel_kernel: Decorator = nb.njit(parallel=True, **options)

    @inline
    def _tanh(x: Any) -> Any:
        """Branch-free tanh: em1 = expm1(2 |x|), tanh = em1 / (em1 + 2), sign put back."""
        magnitude = min(abs(x), 19.5)
        z = magnitude + magnitude
        shifted = z * 1.4426950408889634 + 6755399441055744.0
        k = shifted - 6755399441055744.0
        r = z - k * 0.6931471803691238
        r = r - k * 1.9082149292705877e-10
        power = _bits_to_float64((_float64_to_bits(shifted) + 1023) << 52)
        # expm1(r) = r + r^2 (1/2 + r/6 + ...), |r| <= ln(2)/2, Taylor to r^13 in Estrin's order
        r2 = r * r
        r4 = r2 * r2
        a = 0.5 + r * 0.16666666666666666
        b = 0.041666666666666664 + r * 0.008333333333333333
        c = 0.001388888888888889 + r * 0.0001984126984126984
        d = 2.48015873015873e-05 + r * 2.7557319223985893e-06
        e = 2.755731922398589e-07 + r * 2.505210838544172e-08
        f = 2.08767569878681e-09 + r * 1.6059043836821613e-10
        low = a + r2 * b + r4 * (c + r2 * d)
        high = e + r2 * f
        poly = r + r2 * (low + (r4 * r4) * high)
        em1 = power * poly + (power - 1.0)
        return np.copysign(em1 / (em1 + 2.0), x)

    @inline
    def _logarithm(u: Any) -> Any:
        """Natural logarithm in float32 of u in (0, 1]."""
        bits = _float32_to_bits(u)
        shifted = np.uint32(bits - np.uint32(0x3F3504F3))
        exponent = np.float32(np.int32(shifted) >> np.int32(23))
        mantissa = _bits_to_float32(np.uint32((shifted & np.uint32(0x007FFFFF)) + np.uint32(0x3F3504F3)))
        f = mantissa - np.float32(1)
        p = np.float32(7.0376836292e-2)
        p = p * f + np.float32(-1.1514610310e-1)
        p = p * f + np.float32(1.1676998740e-1)
        p = p * f + np.float32(-1.2420140846e-1)
        p = p * f + np.float32(1.4249322787e-1)
        p = p * f + np.float32(-1.6668057665e-1)
        p = p * f + np.float32(2.0000714765e-1)
        p = p * f + np.float32(-2.4999993993e-1)
        p = p * f + np.float32(3.3333331174e-1)
        f2 = f * f
        return (f - np.float32(0.5) * f2 + f2 * f * p) + exponent * np.float32(0.6931471805599453)

    @inline
    def _rotated(x: Any, k: int) -> Any:
        return np.uint32(np.uint32(x << np.uint32(k)) | np.uint32(x >> np.uint32(32 - k)))

    @kernel
    def _fill_normals(words: Any, s0: Any, s1: Any, s2: Any, s3: Any, std: float) -> None:
        """Refill `words` ``(even steps, lanes)`` float32 with normals of standard deviation `std`."""
        scale = np.float32(-2 * std * std)
        half = words.shape[0] // 2
        for pair in range(half):
            # rows of two separate halves: LLVM tests for overlap over the whole outer loop
            first, second = words[pair], words[half + pair]
            for i in range(LANES):
                a = s0[i]
                b = s1[i]
                c = s2[i]
                d = s3[i]
                w0 = np.uint32(_rotated(np.uint32(a + d), 7) + a)
                t = np.uint32(b << np.uint32(9))
                c = np.uint32(c ^ a)
                d = np.uint32(d ^ b)
                b = np.uint32(b ^ c)
                a = np.uint32(a ^ d)
                c = np.uint32(c ^ t)
                d = _rotated(d, 11)
                w1 = np.uint32(_rotated(np.uint32(a + d), 7) + a)
                t = np.uint32(b << np.uint32(9))
                c = np.uint32(c ^ a)
                d = np.uint32(d ^ b)
                b = np.uint32(b ^ c)
                a = np.uint32(a ^ d)
                c = np.uint32(c ^ t)
                d = _rotated(d, 11)
                s0[i] = a
                s1[i] = b
                s2[i] = c
                s3[i] = d
                # u in (0, 1]; the angle is k quarter turns plus v quarter turns, |v| <= 1/2
                u = np.float32(2) - _bits_to_float32(np.uint32((w0 >> np.uint32(9)) | np.uint32(0x3F800000)))
                radius = np.sqrt(scale * _logarithm(u))
                quadrant = np.uint32(w1 >> np.uint32(30))
                v = _bits_to_float32(
                    np.uint32((np.uint32(w1 << np.uint32(2)) >> np.uint32(9)) | 0x3F800000)
                ) - np.float32(1.5)
                v2 = v * v
                s = np.float32(-0.004681754135)
                s = s * v2 + np.float32(0.07969262624)
                s = s * v2 + np.float32(-0.6459640975)
                s = (s * v2 + np.float32(1.5707963268)) * v
                q = np.float32(0.0009192608)
                q = q * v2 + np.float32(-0.02086348077)
                q = q * v2 + np.float32(0.2536695079)
                q = q * v2 + np.float32(-1.2337005501)
                q = q * v2 + np.float32(1)
                swap = (quadrant & np.uint32(1)) != 0
                cosine = s if swap else q
                sine = q if swap else s
                cosine_bits = np.uint32(
                    _float32_to_bits(cosine) ^ np.uint32(((quadrant + np.uint32(1)) & np.uint32(2)) << np.uint32(30))
                )
                sine_bits = np.uint32(_float32_to_bits(sine) ^ np.uint32((quadrant & np.uint32(2)) << np.uint32(30)))
                first[i] = radius * _bits_to_float32(cosine_bits)
                second[i] = radius * _bits_to_float32(sine_bits)

    @kernel
    def _train_block(
        weight: Any,
        inputs: Any,
        words: Any,
        presentations: int,
        length: int,
        std: float,
        rate: float,
        target: float,
    ) -> None:
        """Train one block in place: `weight` ``(lanes,)``, `inputs` ``(2, prefix, lanes)``."""
        prefix = inputs.shape[1]
        s0, s1, s2, s3 = words[0], words[1], words[2], words[3]
        noisy = length - prefix
        noise = np.empty((noisy + (noisy & 1), LANES), np.float32)
        state = np.zeros((length + 1, LANES))
        current = np.empty(LANES)
        delta = np.empty(LANES)
        gradient = np.empty(LANES)
        for p in range(presentations):
            c = p & 1
            d = target if c else -target
            _fill_normals(noise, s0, s1, s2, s3, std)
            for i in range(LANES):
                current[i] = 0.0
            for t in range(length):
                # `state` is only written here and `current` carries the value on: no overlap either
                kept = state[t + 1]
                if t < prefix:
                    given = inputs[c, t]
                    for i in range(LANES):
                        x = _tanh(weight[i] * current[i] + given[i])
                        current[i] = x
                        kept[i] = x
                else:
                    drawn = noise[t - prefix]
                    for i in range(LANES):
                        x = _tanh(weight[i] * current[i] + np.float64(drawn[i]))
                        current[i] = x
                        kept[i] = x
            for i in range(LANES):
                delta[i] = current[i] - d
                gradient[i] = 0.0
            for t in range(length - 1, -1, -1):
                before, after = state[t], state[t + 1]
                if t < prefix:
                    given = inputs[c, t]
                    for i in range(LANES):
                        g = delta[i] * (1.0 - after[i] * after[i])
                        given[i] -= rate * g
                        gradient[i] += g * before[i]
                        delta[i] = g * weight[i]
                else:
                    for i in range(LANES):
                        g = delta[i] * (1.0 - after[i] * after[i])
                        gradient[i] += g * before[i]
                        delta[i] = g * weight[i]
            for i in range(LANES):
                weight[i] -= rate * gradient[i]

    @parallel_kernel
    def _train_blocks(
        weight: Any,
        inputs: Any,
        words: Any,
        presentations: int,
        length: int,
        std: float,
        rate: float,
        target: float,
    ) -> None:
        for block in nb.prange(weight.shape[0]):
            _train_block(weight[block], inputs[block], words[block], presentations, length, std, rate, target)


class NumbaPeer:
    """W1 in Numba on a number of threads; the first `run` compiles."""

    def __init__(self, threads: int) -> None:
        if not AVAILABLE:
            raise RuntimeError(REASON)
        self.threads = threads
        self.run(LatchSweep(runs=2 * LANES, presentations=2))

    def run(self, work: LatchSweep, seed: int = 0) -> FloatArray:
        """Final weights of all runs (a multiple of the lanes)."""
        blocks = work.runs // LANES
        if blocks * LANES != work.runs:
            raise ValueError(f"runs must be a multiple of {LANES}, got {work.runs}")
        first_weight, first_inputs = work.initial_parameters(seed)
        weight = first_weight.reshape(blocks, LANES)
        inputs = np.ascontiguousarray(first_inputs.reshape(2, work.prefix, blocks, LANES).transpose(2, 0, 1, 3))
        rng = np.random.Generator(np.random.SFC64(seed + 1))
        words = rng.integers(1, 2**32, (blocks, 4, LANES), dtype=np.uint32)
        nb.set_num_threads(min(self.threads, nb.config.NUMBA_NUM_THREADS))
        _train_blocks(
            weight,
            inputs,
            words,
            work.presentations,
            work.length,
            work.noise_std,
            work.learning_rate,
            work.target,
        )
        return weight.reshape(-1)


def assembly() -> str:
    """Assembly of the compiled block kernel (after a first run)."""
    return "\n".join(_train_block.inspect_asm().values())


def normals(n: int, seed: int = 0) -> FloatArray:
    """`n` rows of normals (n even) for the check of the generator, shape ``(n, lanes)``."""
    noise = np.empty((n, LANES), np.float32)
    rng = np.random.Generator(np.random.SFC64(seed))
    words = rng.integers(1, 2**32, (4, LANES), dtype=np.uint32)
    _fill_normals(noise, words[0], words[1], words[2], words[3], 1.0)
    return noise.astype(np.float64)


def tanh(values: FloatArray) -> FloatArray:
    """The kernel's own tanh on an array, for the check of its error."""
    return np.asarray(nb.vectorize(lambda x: _tanh(x))(values))


def register_counts() -> dict[str, int]:
    """How often the block kernel names 512-, 256- and 128-bit registers."""
    text = assembly()
    return {name: text.count(f"%{name}") for name in ("zmm", "ymm", "xmm")}


if __name__ == "__main__":
    if AVAILABLE:
        NumbaPeer(1)
        print(register_counts())
    else:
        print(REASON)
