// Elementary functions on packs: branch-free, one formula for every lane, so f(x) has the same bits wherever x stands.
//
// In the default floating-point environment (round to nearest, subnormals on) and for every double:
//
//   function              maximal error in ulp        special values
//                         with fma     x86-64-v2
//   tanh(x)               2.6          2.9            +-0 -> +-0, +-inf -> +-1, NaN -> NaN; tanh(-x) is exactly -tanh(x);
//                                                     subnormal x -> x; never beyond +-1
//   exp(x)                1.2          1.2            -inf -> 0, +inf -> +inf, NaN -> NaN; +inf above 709.7827, subnormal
//                                                     below -708.3964, 0 below -745.1332
//   logistic(x)           2.5          2.5            -inf -> 0, +inf -> 1, NaN -> NaN; subnormal where exp is
//   tanh_derivative(x)    2.5          2.5            +-inf -> 0, NaN -> NaN; exactly even; never above 1
//
// The errors are the largest found against 80-bit long double, rounded up, in 1e8 random points over all ranges and binades;
// tests/lanes/test_math.py repeats the search with fewer. The builds with fma agree in every bit; x86-64-v2 rounds each
// product and differs from them in the last digits.
//
// Saturation. tanh(x) is +-1 exactly from |x| = 18.3685 (with fma) or 18.5417 (x86-64-v2) on; the nearest double is +-1 from
// 19.0616 on. There 1 - h^2 from the STATE h = tanh(x) is exactly 0, and before that its relative error grows like
// 2^-53 / (1 - |h|): 1e-9 at |x| = 9, 1e-3 at 15, 1 at 18.4. Where such derivatives matter use tanh_derivative(x) of the
// PRE-ACTIVATION x: its relative accuracy stays until its value is subnormal (|x| > 354.8), and it is 0 only where the true
// value, 4 exp(-2|x|), is below half the smallest double (|x| > 373.2597).
#pragma once

#include <cstdint>

#include "lanes/pack.hpp"
#include "lanes/twice.hpp"

namespace rnnlatch {

namespace detail {

// Added to a number below 2^51 it rounds it to an integer, which stands in the low bits of the sum, raised by the bias of
// the exponent: shifted to the exponent's field they are that power of two.
inline constexpr double rounder = 0x1.8p52 + 1023;

template <class P>
RNNLATCH_INLINE P power_of_two(P rounded) {
    return bits<f64>(bits<u64>(rounded) << 52);
}

// p 2^k for integers |k| <= 1080 and p about 1: overflows to infinity, and underflows gradually with one rounding.
RNNLATCH_INLINE f64 times_power_of_two(f64 p, f64 k) {
#if defined(RNNLATCH_AVX512)
    return _mm512_maskz_scalef_pd(0xFF, p, k);  // GCC 12 warns of the form without a mask
#else
    const f64 half = fma(k, constant(0.5), constant(rounder));
    const f64 rest = (k - (half - rounder)) + rounder;
    return p * power_of_two(half) * power_of_two(rest);
#endif
}

template <class P>
RNNLATCH_INLINE Twice<P> times_power_of_two(Twice<P> p, Twice<P> k) {
    return {times_power_of_two(p.low, k.low), times_power_of_two(p.high, k.high)};
}

// exp(x) = p 2^k, for |x| <= 750.
template <class P>
struct Exponential {
    P p, k;
};

template <class P>
RNNLATCH_INLINE Exponential<P> exponential(P x) {
    constexpr double log2_e = 0x1.71547652b82fep+0;
    constexpr double ln2_high = 0x1.62e42fefa3p-1;  // 41 bits: its product with k is exact
    constexpr double ln2_low = 0x1.3de6af278ece6p-42;
    const P k = fma(x, constant(log2_e), constant(rounder)) - rounder;
    const P r = fnma(k, constant(ln2_low), fnma(k, constant(ln2_high), x));  // |r| <= ln(2) / 2
    // (exp(r) - 1 - r) / r^2, minimax, error 4e-18 relative to exp(r)
    const P r2 = r * r;
    const P r4 = r2 * r2;
    const P p01 = fma(r, constant(0x1.55555555554f9p-3), constant(0x1.000000000000ap-1));
    const P p23 = fma(r, constant(0x1.1111111127d0dp-7), constant(0x1.555555555083ep-5));
    const P p45 = fma(r, constant(0x1.a01a012a0f545p-13), constant(0x1.6c16c18438b34p-10));
    const P p67 = fma(r, constant(0x1.71df25b37821bp-19), constant(0x1.a01999e25ca9ap-16));
    const P p89 = fma(r, constant(0x1.ad7f3d6789942p-26), constant(0x1.28ad9b8a9426ep-22));
    const P p0to3 = fma(r2, p23, p01);
    const P p4to9 = fma(r4, p89, fma(r2, p67, p45));
    const P p0to9 = fma(r4, p4to9, p0to3);
    return {fma(r2, p0to9, r) + 1.0, k};
}

}  // namespace detail

// With x = r + k ln(2)/2, |r| <= ln(2)/4, t = 2^-k and c = r coth(r):
//   tanh(x) = (r (1 + t) + c (1 - t)) / (c (1 + t) + r (1 - t)),
// which is r / c where k = 0. The derivative of tanh damps the error of r where k is large, so one constant is enough for
// ln(2)/2. With fma 18 operations and one division; x and -x go through the same roundings, so no sign is taken off.
template <class P>
RNNLATCH_INLINE P tanh(P x) {
    constexpr double two_over_ln2 = 0x1.71547652b82fep+1;
    constexpr double half_ln2 = 0x1.62e42fefa39efp-2;
    const P bounded = max(constant(-20.0), min(constant(20.0), x));  // saturated there; NaN passes
    const P rounded = fma(bounded, constant(-two_over_ln2), constant(detail::rounder));
    const P t = detail::power_of_two(rounded);
    const P k = detail::rounder - rounded;
    const P r = fma(k, constant(-half_ln2), bounded);
    const P sum = t + 1.0;
    const P difference = t - 1.0;  // +0 where k = 0: subtracting its products, not adding those of 1 - t, lets -0 pass
    // (r coth(r) - 1) / r^2, minimax, error 9e-19 relative to r coth(r)
    const P z = r * r;
    P c = fma(z, constant(0x1.63765629d6e41p-16), constant(-0x1.bbd41bcf9518bp-13));
    c = fma(c, z, constant(0x1.1566aaf226c46p-9));
    c = fma(c, z, constant(-0x1.6c16c16bebc6bp-6));
    c = fma(c, z, constant(0x1.555555555553ep-2));
    if constexpr (fused_multiply_add) {
        c = fma(c, z, constant(1.0));
        return fnma(c, difference, r * sum) / fma(c, sum, -(r * difference));
    } else {
        // Here the products are rounded, which those with c would feel; those with c - 1 are a hundred times smaller.
        const P w = c * z;
        return ((r * sum - w * difference) - difference) / ((w * sum - r * difference) + sum);
    }
}

template <class P>
RNNLATCH_INLINE P exp(P x) {
    const auto [p, k] = detail::exponential<P>(max(constant(-746.0), min(constant(710.0), x)));
    return detail::times_power_of_two(p, k);
}

// 1 / (1 + exp(-x)); where x < 0 as q / (1 + q) with q = exp(x).
template <class P>
RNNLATCH_INLINE P logistic(P x) {
    const auto [p, k] = detail::exponential<P>(max(constant(-746.0), -abs(x)));
    const P q = detail::times_power_of_two(p, k);
    return select(x < 0.0, q, constant(1.0)) / (q + 1.0);
}

// 1 - tanh(x)^2 from the pre-activation x, as 4q / (1 + q)^2 with q = exp(-2|x|).
template <class P>
RNNLATCH_INLINE P tanh_derivative(P x) {
    const auto [p, k] = detail::exponential<P>(max(constant(-748.0), abs(x) * -2.0));
    const P q4 = detail::times_power_of_two(p, k + 2.0);  // 4q at once: q alone would be subnormal too early
    const P q = q4 * 0.25;
    return min(constant(1.0), q4 / fma(q, q + 2.0, constant(1.0)));
}

// The sign of x, with +1 for both zeros; NaN passes.
template <class P>
RNNLATCH_INLINE P hard_threshold(P x) {
    const P zero = constant_like<P>(0.0);
    return select(x >= zero, constant_like<P>(1.0), select(x < zero, constant_like<P>(-1.0), x));
}

}  // namespace rnnlatch
