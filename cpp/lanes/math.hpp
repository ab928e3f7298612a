// Elementary functions on packs: branch-free, one formula for every lane, so f(x) has the same bits wherever x stands.
//
// In the default floating-point environment (round to nearest, subnormals on) and for every double:
//
//   function              maximal error in ulp           special values
//                         with fma     x86-64-v2
//   tanh(x)               2.6          2.9               +-0 -> +-0, +-inf -> +-1, NaN -> NaN; tanh(-x) is exactly -tanh(x);
//                                                        x itself for subnormal x; never beyond +-1
//   exp(x)                1.0          1.5               -inf -> 0, +inf -> +inf, NaN -> NaN; +inf above 709.7827,
//                                                        subnormal below -708.3964, 0 below -745.1332
//   logistic(x)           2.5          2.5               -inf -> 0, +inf -> 1, NaN -> NaN; subnormal as exp is
//   tanh_derivative(x)    3.5          3.5               +-inf -> 0, NaN -> NaN; even exactly
//
// The errors are the largest seen against 80-bit long double, rounded up, in the searches that tests/lanes/test_math.py
// repeats with fewer points. The builds with fma agree in every bit; x86-64-v2 rounds each product and may differ from them.
//
// Saturation. tanh(x) is exactly +-1 for |x| >= 19.0616, where the true value is nearer to 1 than to 1 - 2^-53. Hence
// 1 - h^2 computed from the STATE h = tanh(x) is exactly 0 there, and before that its relative error grows like
// 2^-53 / (1 - |h|): 1e-8 at |x| = 9, all digits lost at |x| = 18. Where such derivatives matter use tanh_derivative(x) on
// the PRE-ACTIVATION x: it keeps its relative accuracy as far as its value is a normal double (|x| < 354.9) and its last
// subnormal digit until the true value, 4 exp(-2|x|), falls below half the smallest double (|x| > 373.26).
#pragma once

#include <cstdint>

#include "lanes/twice.hpp"

namespace rnnlatch {

namespace detail {

// Added to a number below 2^51 it rounds it to an integer, which stands in the low bits of the sum, raised by the bias of
// the exponent: shifted to the exponent field they are that power of two.
inline constexpr double rounder = 0x1.8p52 + 1023;

template <class P>
RNNLATCH_INLINE auto power_of_two(P rounded) {
    return bits<f64>(bits<u64>(rounded) << 52);
}

// p 2^k for integers |k| <= 1080 and p about 1: overflows to infinity, and underflows gradually with one rounding.
RNNLATCH_INLINE f64 times_power_of_two(f64 p, f64 k) {
#if defined(RNNLATCH_AVX512)
    return _mm512_maskz_scalef_pd(0xFF, p, k);  // the form without a mask makes GCC 12 warn
#else
    const f64 half = fma(k, constant(0.5), constant(rounder));
    const f64 rest = (k - (half - rounder)) + rounder;
    return p * power_of_two(half) * power_of_two(rest);
#endif
}

// exp(x) = p 2^k, for |x| <= 750.
struct Exponential {
    f64 p, k;
};

RNNLATCH_INLINE Exponential exponential(f64 x) {
    constexpr double log2_e = 0x1.71547652b82fep+0;
    constexpr double ln2_high = 0x1.62e42fefa3p-1;  // 40 bits: its product with k is exact
    constexpr double ln2_low = 0x1.3de6af278ece6p-42;
    const f64 k = fma(x, constant(log2_e), constant(rounder)) - rounder;
    const f64 r = fnma(k, constant(ln2_low), fnma(k, constant(ln2_high), x));  // |r| <= ln(2) / 2
    // (exp(r) - 1 - r) / r^2, minimax, error 4e-18 relative to exp(r)
    const f64 r2 = r * r;
    const f64 r4 = r2 * r2;
    const f64 p01 = fma(r, constant(0x1.55555555554f9p-3), constant(0x1.000000000000ap-1));
    const f64 p23 = fma(r, constant(0x1.1111111127d0dp-7), constant(0x1.555555555083ep-5));
    const f64 p45 = fma(r, constant(0x1.a01a012a0f545p-13), constant(0x1.6c16c18438b34p-10));
    const f64 p67 = fma(r, constant(0x1.71df25b37821bp-19), constant(0x1.a01999e25ca9ap-16));
    const f64 p89 = fma(r, constant(0x1.ad7f3d6789942p-26), constant(0x1.28ad9b8a9426ep-22));
    const f64 p0to3 = fma(r2, p23, p01);
    const f64 p4to7 = fma(r2, p67, p45);
    const f64 p4to9 = fma(r4, p89, p4to7);
    const f64 p = fma(r4, p4to9, p0to3);
    return {1.0 + fma(r2, p, r), k};
}

}  // namespace detail

// With x = r + k ln(2)/2, |r| <= ln(2)/4, t = 2^-k and c = r coth(r):
//   tanh(x) = (r (1 + t) + c (1 - t)) / (c (1 + t) + r (1 - t)),
// which is r / c where k = 0. Errors of r near saturation are damped by the derivative of tanh, so ln(2)/2 needs one
// constant only. With fma: 18 operations and one division; nothing below depends on the sign of x except by symmetry.
template <class P>
RNNLATCH_INLINE P tanh(P x) {
    constexpr double two_over_ln2 = 0x1.71547652b82fep+1;
    constexpr double half_ln2 = 0x1.62e42fefa39efp-2;
    const auto bounded = max(constant(-20.0), min(constant(20.0), x));  // saturated either way; NaN passes
    const auto rounded = fma(bounded, constant(-two_over_ln2), constant(detail::rounder));
    const auto t = detail::power_of_two(rounded);
    const auto k = detail::rounder - rounded;
    const auto r = fma(k, constant(-half_ln2), bounded);
    const auto sum = t + 1.0;         // exact up to |k| = 52
    const auto difference = t - 1.0;  // +0 where k = 0, which below lets -0 pass
    // (r coth(r) - 1) / r^2, minimax, error 9e-19 relative to r coth(r)
    const auto z = r * r;
    P c = fma(z, constant(0x1.63765629d6e41p-16), constant(-0x1.bbd41bcf9518bp-13));
    c = fma(c, z, constant(0x1.1566aaf226c46p-9));
    c = fma(c, z, constant(-0x1.6c16c16bebc6bp-6));
    c = fma(c, z, constant(0x1.555555555553ep-2));
    if constexpr (fused_multiply_add) {
        c = fma(c, z, constant(1.0));
        return fnma(c, difference, r * sum) / fma(c, sum, -(r * difference));
    } else {
        // Without fma the products with c are rounded; those with c - 1 are a hundred times smaller.
        const auto w = c * z;
        return ((r * sum - w * difference) - difference) / ((w * sum - r * difference) + sum);
    }
}

RNNLATCH_INLINE f64 exp(f64 x) {
    const auto [p, k] = detail::exponential(max(constant(-746.0), min(constant(710.0), x)));
    return detail::times_power_of_two(p, k);
}

// 1 / (1 + exp(-x)), as q / (1 + q) with q = exp(x) where x < 0.
RNNLATCH_INLINE f64 logistic(f64 x) {
    const auto [p, k] = detail::exponential(max(constant(-746.0), -abs(x)));
    const f64 q = detail::times_power_of_two(p, k);
    return select(x < 0.0, q, constant(1.0)) / (1.0 + q);
}

// 1 - tanh(x)^2 from the pre-activation x, as 4q / (1 + q)^2 with q = exp(-2|x|).
RNNLATCH_INLINE f64 tanh_derivative(f64 x) {
    const auto [p, k] = detail::exponential(max(constant(-748.0), -2.0 * abs(x)));
    const f64 q4 = detail::times_power_of_two(p, k + 2.0);  // 4q at once: q alone would be subnormal too early
    const f64 q = 0.25 * q4;
    return min(constant(1.0), q4 / fma(q, q + 2.0, constant(1.0)));
}

}  // namespace rnnlatch
