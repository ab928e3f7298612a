// Standard normal and uniform noise from random words, in lanes.
//
// Normals: the transformation of Box and Muller (1958), in float32 and without fused multiply-adds, so that every build, and
// the NumPy twin, returns the same bits. From a pair of words (w0, w1):
//   u = (float(w0 >> 1) + 0.5) / 2^31 in [2^-32, 1]        the radius is sqrt(-2 ln u)
//   v = float(int32(w1 << 1)) / 2^31  in [-1, 1]           the angle is v pi/2, turned by pi where the top bit of w1 is set
// Resolution and tail, which tests/lanes/test_random.py checks:
//   - |z| <= 6.66 (u = 2^-32); a true normal exceeds that once in 3.6e10 draws;
//   - the 2^31 radii are exact to float32 rounding: steps of about 1e-7 relative, coarser near zero, where u close to 1 is a
//     multiple of 2^-24: the smallest radius above zero is 3.5e-4, and z is exactly 0 with probability 2^-25;
//   - against the exact transformation of the same u and v the error is below 4e-7 of the radius.
#pragma once

#include <cstdint>

#include "lanes/twice.hpp"

namespace rnnlatch {

// -2 ln u for u = (float(word >> 1) + 0.5) / 2^31.
template <class Word>
RNNLATCH_INLINE auto minus_two_log(Word word) {
    constexpr std::int32_t sqrt_half_bits = 0x3f3504f3;  // the mantissa is taken in [sqrt(1/2), sqrt(2))
    constexpr float two_log_two = 0x1.62e430p+0f;
    const auto u = to_float(bits<i32>(word >> 1)) + 0.5f;
    const auto shifted = bits<i32>(u) - sqrt_half_bits;
    const auto exponent = shifted >> 23;
    const auto y = bits<f32>(bits<i32>(u) - (exponent << 23)) - 1.0f;
    // -2 ln(1 + y) / y, minimax on the interval, error 5e-8; in pairs (Estrin), which shortens the chain
    const auto y2 = y * y;
    const auto y4 = y2 * y2;
    const auto p01 = y * 0x1.fffff2p-1f + -2.0f;
    const auto p23 = y * 0x1.0007bap-1f + -0x1.555780p-1f;
    const auto p45 = y * 0x1.52d0d4p-2f + -0x1.98bf96p-2f;
    const auto p67 = y * 0x1.28985ep-2f + -0x1.318204p-2f;
    const auto p0123 = p23 * y2 + p01;
    const auto p4567 = p67 * y2 + p45;
    const auto p = (y4 * -0x1.6eff84p-3f + p4567) * y4 + p0123;
    return p * y + to_float(31 - exponent) * two_log_two;
}

// Two independent standard normals a lane.
template <class Word, class Normal>
RNNLATCH_INLINE void box_muller(Word word_0, Word word_1, Normal& first, Normal& second) {
    const auto radius = sqrt(minus_two_log(word_0));
    const auto turned = bits<f32>(bits<u32>(radius) | (word_1 & 0x80000000u));
    const auto v = to_float(bits<i32>(word_1 << 1)) * 0x1p-31f;
    const auto z = v * v;
    // cos(v pi/2), error 5e-8, and sin(v pi/2) / v, error 7e-9
    auto cosine = z * 0x1.c1f066p-11f + -0x1.54f61ap-6f;
    auto sine = z * 0x1.3e17cap-13f + -0x1.32535ap-8f;
    cosine = cosine * z + 0x1.03bd06p-2f;
    sine = sine * z + 0x1.4668f2p-4f;
    cosine = cosine * z + -0x1.3bd3a6p+0f;
    sine = sine * z + -0x1.4abbc4p-1f;
    cosine = cosine * z + 0x1.fffffep-1f;
    sine = sine * z + 0x1.921fb6p+0f;
    first = turned * cosine;
    second = turned * (sine * v);
}

// Uniform on (-1, 1): the middles of 2^32 equal cells, exact in double. The first (second) half of the lanes.
RNNLATCH_INLINE f64 symmetric_uniform_low(u32 word) { return (widen_low(bits<i32>(word)) + 0.5) * 0x1p-31; }
RNNLATCH_INLINE f64 symmetric_uniform_high(u32 word) { return (widen_high(bits<i32>(word)) + 0.5) * 0x1p-31; }

// Uniform on [0, 1), a multiple of 2^-53, from two words: in the first (second) half of the lanes, or of one lane.
RNNLATCH_INLINE f64 unit_uniform_low(u32 word_0, u32 word_1) {
    return (widen_low(bits<i32>(word_0 >> 5)) * 0x1p26 + widen_low(bits<i32>(word_1 >> 6))) * 0x1p-53;
}
RNNLATCH_INLINE f64 unit_uniform_high(u32 word_0, u32 word_1) {
    return (widen_high(bits<i32>(word_0 >> 5)) * 0x1p26 + widen_high(bits<i32>(word_1 >> 6))) * 0x1p-53;
}
inline double unit_uniform(std::uint32_t word_0, std::uint32_t word_1) {
    const std::uint64_t integer = (static_cast<std::uint64_t>(word_0 >> 5) << 26) + (word_1 >> 6);
    return static_cast<double>(integer) * 0x1p-53;
}

}  // namespace rnnlatch
