// log(1 + x) for x >= 0 on packs, for the values of cross-entropies.
//
// Error below 3 ulp for x >= 0 (float64, and float32 with the shorter polynomial), NaN -> NaN, and NaN for +inf and x < 0.
// With 1 + x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), s = f / (2 + f): log(1 + f) = 2 atanh(s). What 1 + x loses by
// rounding is given back to f, so that a small x keeps its digits.
#pragma once

#include <cstdint>

#include "lanes/math32.hpp"
#include "lanes/pack.hpp"
#include "lanes/twice.hpp"

namespace rnnlatch {

RNNLATCH_INLINE f64 log1p(f64 x) {
    constexpr std::uint64_t sqrt_half = 0x3fe6a09e667f3bcd, one = 0x3ff0000000000000, two_to_52 = 0x4330000000000000;
    const f64 u = x + 1.0;
    const u64 k = (bits<u64>(u) - sqrt_half) >> 52;
    const f64 m = bits<f64>(bits<u64>(u) - (k << 52));
    const f64 lost = (x - (u - 1.0)) * bits<f64>(one - (k << 52));
    const f64 f = (m - 1.0) + lost;
    const f64 s = f / (f + 2.0);
    const f64 z = s * s;
    // 2 (atanh(s) / s - 1) / s^2, minimax, error 3e-18 relative to the logarithm
    f64 c = fma(z, constant(0x1.2f06114563af6p-3), constant(0x1.39a1aa48d160dp-3));
    c = fma(c, z, constant(0x1.74663f831ac27p-3));
    c = fma(c, z, constant(0x1.c71c520695808p-3));
    c = fma(c, z, constant(0x1.24924941f45a5p-2));
    c = fma(c, z, constant(0x1.999999997fd81p-2));
    c = fma(c, z, constant(0x1.5555555555592p-1));
    const f64 exponent = bits<f64>(k | two_to_52) - 0x1p52;
    return fma(exponent, constant(0x1.62e42fefa39efp-1), s * fma(c, z, constant(2.0)));
}

RNNLATCH_INLINE f32 log1p(f32 x) {
    constexpr std::uint32_t sqrt_half = 0x3f3504f3, one = 0x3f800000, two_to_23 = 0x4b000000;
    const f32 u = x + 1.0f;
    const u32 k = (bits<u32>(u) - sqrt_half) >> 23;
    const f32 m = bits<f32>(bits<u32>(u) - (k << 23));
    const f32 lost = (x - (u - 1.0f)) * bits<f32>(one - (k << 23));
    const f32 f = (m - 1.0f) + lost;
    const f32 s = f / (f + 2.0f);
    const f32 z = s * s;
    f32 c = fma(z, constant(0x1.31e086p-2f), constant(0x1.995ed6p-2f));
    c = fma(c, z, constant(0x1.55557ap-1f));
    const f32 exponent = bits<f32>(k | two_to_23) - 0x1p23f;
    return fma(exponent, constant(0x1.62e430p-1f), s * fma(c, z, constant(2.0f)));
}

template <class P>
RNNLATCH_INLINE Twice<P> log1p(Twice<P> x) {
    return {log1p(x.low), log1p(x.high)};
}

}  // namespace rnnlatch
