// The functions of lanes/math.hpp on packs of float32: the same formulas with shorter polynomials, the same guarantees.
//
// In the default floating-point environment and for every float32 (all 2^32 were tried against double):
//
//   function              maximal error in ulp        special values
//                         with fma     x86-64-v2
//   tanh(x)               2.5          2.6            as in lanes/math.hpp
//   exp(x)                1.1          1.0            -inf -> 0, +inf -> +inf, NaN -> NaN; +inf above 88.7228, subnormal
//                                                     below -87.3366, 0 below -103.9721
//   logistic(x)           2.5          2.5            -inf -> 0, +inf -> 1, NaN -> NaN; subnormal where exp is
//   tanh_derivative(x)    2.4          2.5            +-inf -> 0, NaN -> NaN; exactly even; never above 1
//
// tanh(x) is +-1 exactly from |x| = 8.4911 on (here and there from 8.3177 on; the nearest float32 is from 9.0109 on);
// tanh_derivative(x) is subnormal from |x| = 44.3614 on and 0 from 52.6792 on.
#pragma once

#include <cstdint>
#include <type_traits>

#include "lanes/math.hpp"
#include "lanes/pack.hpp"
#include "lanes/twice.hpp"

namespace rnnlatch {

namespace detail {

template <class P>
inline constexpr bool is_single = std::is_same_v<P, f32>;
template <class P>
inline constexpr bool is_single<Twice<P>> = is_single<P>;

}  // namespace detail

// A pack of float32, or such packs side by side.
template <class P>
concept Single = detail::is_single<P>;

namespace detail {

inline constexpr float rounder32 = 0x1.8p23f + 127;  // see rounder

template <class P>
RNNLATCH_INLINE P power_of_two32(P rounded) {
    return bits<f32>(bits<u32>(rounded) << 23);
}

// p 2^k for integers |k| <= 190 and p about 1.
RNNLATCH_INLINE f32 times_power_of_two32(f32 p, f32 k) {
#if defined(RNNLATCH_AVX512)
    return _mm512_maskz_scalef_ps(0xFFFF, p, k);
#else
    const f32 half = fma(k, constant(0.5f), constant(rounder32));
    const f32 rest = (k - (half - rounder32)) + rounder32;
    return p * power_of_two32(half) * power_of_two32(rest);
#endif
}

template <class P>
RNNLATCH_INLINE Twice<P> times_power_of_two32(Twice<P> p, Twice<P> k) {
    return {times_power_of_two32(p.low, k.low), times_power_of_two32(p.high, k.high)};
}

// exp(x) = p 2^k, for |x| <= 110.
template <Single P>
RNNLATCH_INLINE Exponential<P> exponential32(P x) {
    constexpr float log2_e = 0x1.715476p+0f;
    constexpr float ln2_high = 0x1.62e4p-1f;  // 15 bits: its product with k is exact
    constexpr float ln2_low = 0x1.7f7d1cp-20f;
    const P k = fma(x, constant(log2_e), constant(rounder32)) - rounder32;
    const P r = fnma(k, constant(ln2_low), fnma(k, constant(ln2_high), x));  // |r| <= ln(2) / 2
    // (exp(r) - 1 - r) / r^2, minimax, error 3e-9 relative to exp(r)
    P c = fma(r, constant(0x1.6d7180p-10f), constant(0x1.123ad6p-7f));
    c = fma(c, r, constant(0x1.5554c8p-5f));
    c = fma(c, r, constant(0x1.555490p-3f));
    c = fma(c, r, constant(0.5f));
    return {fma(r * r, c, r) + 1.0f, k};
}

}  // namespace detail

template <Single P>
RNNLATCH_INLINE P tanh(P x) {
    constexpr float two_over_ln2 = 0x1.715476p+1f;
    constexpr float half_ln2 = 0x1.62e430p-2f;
    const P bounded = max(constant(-10.0f), min(constant(10.0f), x));  // saturated there; NaN passes
    const P rounded = fma(bounded, constant(-two_over_ln2), constant(detail::rounder32));
    const P t = detail::power_of_two32(rounded);
    const P k = detail::rounder32 - rounded;
    const P r = fma(k, constant(-half_ln2), bounded);
    const P sum = t + 1.0f;
    const P difference = t - 1.0f;
    // (r coth(r) - 1) / r^2, minimax, error 3e-11 relative to r coth(r)
    const P z = r * r;
    P c = fma(z, constant(0x1.1768d4p-9f), constant(-0x1.6c1abep-6f));
    c = fma(c, z, constant(0x1.555556p-2f));
    if constexpr (fused_multiply_add) {
        c = fma(c, z, constant(1.0f));
        return fnma(c, difference, r * sum) / fma(c, sum, -(r * difference));
    } else {
        const P w = c * z;
        return ((r * sum - w * difference) - difference) / ((w * sum - r * difference) + sum);
    }
}

template <Single P>
RNNLATCH_INLINE P exp(P x) {
    const auto [p, k] = detail::exponential32<P>(max(constant(-105.0f), min(constant(90.0f), x)));
    return detail::times_power_of_two32(p, k);
}

template <Single P>
RNNLATCH_INLINE P logistic(P x) {
    const auto [p, k] = detail::exponential32<P>(max(constant(-105.0f), -abs(x)));
    const P q = detail::times_power_of_two32(p, k);
    return select(x < 0.0f, q, constant(1.0f)) / (q + 1.0f);
}

template <Single P>
RNNLATCH_INLINE P tanh_derivative(P x) {
    const auto [p, k] = detail::exponential32<P>(max(constant(-108.0f), abs(x) * -2.0f));
    const P q4 = detail::times_power_of_two32(p, k + 2.0f);
    const P q = q4 * 0.25f;
    return min(constant(1.0f), q4 / fma(q, q + 2.0f, constant(1.0f)));
}

}  // namespace rnnlatch
