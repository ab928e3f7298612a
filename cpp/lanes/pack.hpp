// A pack: one SIMD register of independent lanes, and the few operations on it that the language does not have.
//
// The types are the vector extensions of GCC and Clang, so + - * / & | ^ << >> and comparisons are the language's own.
// The register is 64 bytes with AVX-512, 32 with AVX2 and FMA, and 16 elsewhere (SSE4.2, NEON). No operation here mixes
// lanes, so what a lane computes never depends on its neighbours.
//
// fma(a, b, c) rounds once where the instruction set has it, and twice (a * b, then + c) in the x86-64-v2 build, whose
// results may therefore differ in the last bits. The code is compiled with contraction off: a * b + c is never fused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#define RNNLATCH_AVX512 1
#elif defined(__AVX2__) && defined(__FMA__)
#define RNNLATCH_AVX2 1
#elif defined(__x86_64__)
#define RNNLATCH_SSE 1
#endif

#define RNNLATCH_INLINE inline __attribute__((always_inline))

namespace rnnlatch {

#if defined(RNNLATCH_AVX512)
inline constexpr std::size_t register_bytes = 64;
#elif defined(RNNLATCH_AVX2)
inline constexpr std::size_t register_bytes = 32;
#else
inline constexpr std::size_t register_bytes = 16;
#endif

inline constexpr std::size_t vector_registers = register_bytes == 64 ? 32 : 16;

// Whether fma() rounds once.
#if defined(RNNLATCH_AVX512) || defined(RNNLATCH_AVX2) || defined(__FP_FAST_FMA)
inline constexpr bool fused_multiply_add = true;
#else
inline constexpr bool fused_multiply_add = false;
#endif

using f64 = double __attribute__((vector_size(register_bytes)));
using f32 = float __attribute__((vector_size(register_bytes)));
using i64 = std::int64_t __attribute__((vector_size(register_bytes)));
using u64 = std::uint64_t __attribute__((vector_size(register_bytes)));
using i32 = std::int32_t __attribute__((vector_size(register_bytes)));
using u32 = std::uint32_t __attribute__((vector_size(register_bytes)));

inline constexpr std::size_t lanes64 = register_bytes / 8;  // lanes of a pack of 64-bit elements
inline constexpr std::size_t lanes32 = register_bytes / 4;  // lanes of a pack of 32-bit elements

// ---- memory ---------------------------------------------------------------------------------------------------------

template <class Pack, class Scalar>
RNNLATCH_INLINE Pack load(const Scalar* from) {
    Pack pack;
    std::memcpy(&pack, from, sizeof pack);
    return pack;
}

template <class Pack, class Scalar>
RNNLATCH_INLINE void store(Scalar* to, Pack pack) {
    std::memcpy(to, &pack, sizeof pack);
}

template <class Pack, class Scalar>
RNNLATCH_INLINE Pack broadcast(Scalar value) {
    return Pack{} + value;
}

// Broadcast of a floating-point constant; unlike Pack{} + value it keeps the sign of -0.
RNNLATCH_INLINE f64 constant(double value) {
#if defined(RNNLATCH_AVX512)
    return _mm512_set1_pd(value);
#elif defined(RNNLATCH_AVX2)
    return _mm256_set1_pd(value);
#else
    return f64{value, value};
#endif
}

RNNLATCH_INLINE f32 constant(float value) {
#if defined(RNNLATCH_AVX512)
    return _mm512_set1_ps(value);
#elif defined(RNNLATCH_AVX2)
    return _mm256_set1_ps(value);
#else
    return f32{value, value, value, value};
#endif
}

// The same bits under another type.
template <class To, class From>
RNNLATCH_INLINE To bits(From pack) {
    static_assert(sizeof(To) == sizeof(From), "a bit cast keeps the size of the register");
    return (To)pack;
}

// ---- arithmetic -----------------------------------------------------------------------------------------------------

RNNLATCH_INLINE f64 fma(f64 a, f64 b, f64 c) {
#if defined(RNNLATCH_AVX512)
    return _mm512_fmadd_pd(a, b, c);
#elif defined(RNNLATCH_AVX2)
    return _mm256_fmadd_pd(a, b, c);
#elif defined(__FP_FAST_FMA)
    f64 r;
    for (std::size_t i = 0; i < lanes64; ++i) r[i] = __builtin_fma(a[i], b[i], c[i]);
    return r;
#else
    return a * b + c;
#endif
}

RNNLATCH_INLINE f32 fma(f32 a, f32 b, f32 c) {
#if defined(RNNLATCH_AVX512)
    return _mm512_fmadd_ps(a, b, c);
#elif defined(RNNLATCH_AVX2)
    return _mm256_fmadd_ps(a, b, c);
#elif defined(__FP_FAST_FMA)
    f32 r;
    for (std::size_t i = 0; i < lanes32; ++i) r[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return r;
#else
    return a * b + c;
#endif
}

// c - a * b
RNNLATCH_INLINE f64 fnma(f64 a, f64 b, f64 c) { return fma(-a, b, c); }
RNNLATCH_INLINE f32 fnma(f32 a, f32 b, f32 c) { return fma(-a, b, c); }

// The smaller (larger) of the two; the second operand where either is NaN.
RNNLATCH_INLINE f64 min(f64 a, f64 b) {
#if defined(RNNLATCH_AVX512)
    return _mm512_maskz_min_pd(0xFF, a, b);
#elif defined(RNNLATCH_AVX2)
    return _mm256_min_pd(a, b);
#elif defined(RNNLATCH_SSE)
    return _mm_min_pd(a, b);
#else
    return a < b ? a : b;
#endif
}

RNNLATCH_INLINE f64 max(f64 a, f64 b) {
#if defined(RNNLATCH_AVX512)
    return _mm512_maskz_max_pd(0xFF, a, b);
#elif defined(RNNLATCH_AVX2)
    return _mm256_max_pd(a, b);
#elif defined(RNNLATCH_SSE)
    return _mm_max_pd(a, b);
#else
    return a > b ? a : b;
#endif
}

RNNLATCH_INLINE f32 min(f32 a, f32 b) {
#if defined(RNNLATCH_AVX512)
    return _mm512_maskz_min_ps(0xFFFF, a, b);
#elif defined(RNNLATCH_AVX2)
    return _mm256_min_ps(a, b);
#elif defined(RNNLATCH_SSE)
    return _mm_min_ps(a, b);
#else
    return a < b ? a : b;
#endif
}

RNNLATCH_INLINE f32 max(f32 a, f32 b) {
#if defined(RNNLATCH_AVX512)
    return _mm512_maskz_max_ps(0xFFFF, a, b);
#elif defined(RNNLATCH_AVX2)
    return _mm256_max_ps(a, b);
#elif defined(RNNLATCH_SSE)
    return _mm_max_ps(a, b);
#else
    return a > b ? a : b;
#endif
}

RNNLATCH_INLINE f32 abs(f32 a) { return bits<f32>(bits<u32>(a) & 0x7fffffffU); }
RNNLATCH_INLINE f64 abs(f64 a) { return bits<f64>(bits<u64>(a) & 0x7fffffffffffffffULL); }

// |magnitude| with the sign of `sign`.
RNNLATCH_INLINE f64 copysign(f64 magnitude, f64 sign) {
    constexpr std::uint64_t mask = 0x8000000000000000ULL;
#if defined(RNNLATCH_AVX512)
    return (f64)_mm512_ternarylogic_epi64(_mm512_set1_epi64(static_cast<std::int64_t>(mask)), (__m512i)sign,
                                          (__m512i)magnitude, 0xCA);
#else
    return bits<f64>((bits<u64>(magnitude) & ~mask) | (bits<u64>(sign) & mask));
#endif
}

RNNLATCH_INLINE f32 sqrt(f32 a) {
#if defined(RNNLATCH_AVX512)
    return _mm512_sqrt_ps(a);
#elif defined(RNNLATCH_AVX2)
    return _mm256_sqrt_ps(a);
#elif defined(RNNLATCH_SSE)
    return _mm_sqrt_ps(a);
#else
    f32 r;
    for (std::size_t i = 0; i < lanes32; ++i) r[i] = __builtin_sqrtf(a[i]);
    return r;
#endif
}

RNNLATCH_INLINE f64 sqrt(f64 a) {
#if defined(RNNLATCH_AVX512)
    return _mm512_sqrt_pd(a);
#elif defined(RNNLATCH_AVX2)
    return _mm256_sqrt_pd(a);
#elif defined(RNNLATCH_SSE)
    return _mm_sqrt_pd(a);
#else
    f64 r;
    for (std::size_t i = 0; i < lanes64; ++i) r[i] = __builtin_sqrt(a[i]);
    return r;
#endif
}

// The 64-bit products of the low 32 bits of each 64-bit lane; the high halves are ignored.
RNNLATCH_INLINE u64 multiply_low_halves(u64 a, u64 b) {
#if defined(RNNLATCH_AVX512)
    return (u64)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(RNNLATCH_AVX2)
    return (u64)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(RNNLATCH_SSE)
    return (u64)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & 0xffffffffULL) * (b & 0xffffffffULL);
#endif
}

// a ^ b ^ c
RNNLATCH_INLINE u64 exclusive_or(u64 a, u64 b, u64 c) {
#if defined(RNNLATCH_AVX512)
    return (u64)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, 0x96);
#else
    return a ^ b ^ c;
#endif
}

// The low 32 bits of `even` in the even 32-bit lanes, and those of `odd` in the odd ones.
RNNLATCH_INLINE u64 merge_halves(u64 even, u64 odd) {
#if defined(RNNLATCH_AVX512)
    return (u64)_mm512_mask_shuffle_epi32((__m512i)even, 0xAAAA, (__m512i)odd, _MM_PERM_CCAA);
#elif defined(RNNLATCH_AVX2)
    return (u64)_mm256_blend_epi32((__m256i)even, (__m256i)(odd << 32), 0xAA);
#else
    return (even & 0xffffffffULL) | (odd << 32);
#endif
}

// ---- selection ------------------------------------------------------------------------------------------------------

// Where the mask's lanes are all ones, `yes`; where they are zero, `no`. A mask is what a comparison returns.
RNNLATCH_INLINE f64 select(i64 mask, f64 yes, f64 no) {
#if defined(RNNLATCH_AVX512)
    return (f64)_mm512_ternarylogic_epi64((__m512i)mask, (__m512i)yes, (__m512i)no, 0xCA);
#elif defined(RNNLATCH_AVX2)
    return _mm256_blendv_pd(no, yes, (__m256d)mask);
#else
    return bits<f64>((bits<i64>(yes) & mask) | (bits<i64>(no) & ~mask));
#endif
}

RNNLATCH_INLINE f32 select(i32 mask, f32 yes, f32 no) {
#if defined(RNNLATCH_AVX512)
    return (f32)_mm512_ternarylogic_epi32((__m512i)mask, (__m512i)yes, (__m512i)no, 0xCA);
#elif defined(RNNLATCH_AVX2)
    return _mm256_blendv_ps(no, yes, (__m256)mask);
#else
    return bits<f32>((bits<i32>(yes) & mask) | (bits<i32>(no) & ~mask));
#endif
}

// Whether any lane of the mask is set.
RNNLATCH_INLINE bool any(i64 mask) {
#if defined(RNNLATCH_AVX512)
    return _mm512_movepi64_mask((__m512i)mask) != 0;
#elif defined(RNNLATCH_AVX2)
    return _mm256_movemask_pd((__m256d)mask) != 0;
#elif defined(RNNLATCH_SSE)
    return _mm_movemask_pd((__m128d)mask) != 0;
#else
    std::int64_t r = 0;
    for (std::size_t i = 0; i < lanes64; ++i) r |= mask[i];
    return r != 0;
#endif
}

// ---- transposition --------------------------------------------------------------------------------------------------

// The lanes of a and b in turn: of their first halves, or of their second halves.
template <bool second, class Pack>
RNNLATCH_INLINE Pack interleave(Pack a, Pack b) {
    constexpr int n = sizeof(Pack) / sizeof(a[0]), from = second ? n / 2 : 0;
#if defined(__clang__)
    return [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
        return __builtin_shufflevector(a, b, (from + i / 2 + i % 2 * n)...);
    }(std::make_integer_sequence<int, n>{});
#else
    using Mask = decltype(a < b);
    return [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
        return __builtin_shuffle(a, b, Mask{(from + i / 2 + i % 2 * n)...});
    }(std::make_integer_sequence<int, n>{});
#endif
}

// The lanes of a and b whose number has the bit set (or not): those of b go where a lane's number has it set.
template <int bit, bool set, class Pack>
RNNLATCH_INLINE Pack exchange(Pack a, Pack b) {
    constexpr int n = sizeof(Pack) / sizeof(a[0]);
#if defined(__clang__)
    return [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
        return __builtin_shufflevector(a, b, ((i & bit ? n + i - bit : i) + (set ? bit : 0))...);
    }(std::make_integer_sequence<int, n>{});
#else
    using Mask = decltype(a < b);
    return [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
        return __builtin_shuffle(a, b, Mask{((i & bit ? n + i - bit : i) + (set ? bit : 0))...});
    }(std::make_integer_sequence<int, n>{});
#endif
}

// A square of as many packs as a pack has lanes, rows for columns: bit by bit, rows and lanes exchange a bit of their numbers.
template <int bit = 1, class Pack>
RNNLATCH_INLINE void transpose(Pack* rows) {
    constexpr int n = sizeof(Pack) / sizeof(rows[0][0]);
    if constexpr (bit < n) {
        for (int i = 0; i < n; ++i) {
            if (i & bit) continue;
            const Pack first = exchange<bit, false>(rows[i], rows[i + bit]);
            rows[i + bit] = exchange<bit, true>(rows[i], rows[i + bit]);
            rows[i] = first;
        }
        transpose<2 * bit>(rows);
    }
}

// ---- conversion -----------------------------------------------------------------------------------------------------

RNNLATCH_INLINE f32 to_float(i32 a) { return __builtin_convertvector(a, f32); }

// The first (second) half of a pack of 32-bit numbers, as doubles.
RNNLATCH_INLINE f64 widen_low(f32 a) {
#if defined(RNNLATCH_AVX512)
    return _mm512_cvtps_pd(_mm512_castps512_ps256(a));
#elif defined(RNNLATCH_AVX2)
    return _mm256_cvtps_pd(_mm256_castps256_ps128(a));
#else
    f64 r;
    for (std::size_t i = 0; i < lanes64; ++i) r[i] = a[i];
    return r;
#endif
}

RNNLATCH_INLINE f64 widen_high(f32 a) {
#if defined(RNNLATCH_AVX512)
    return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1));
#elif defined(RNNLATCH_AVX2)
    return _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1));
#else
    f64 r;
    for (std::size_t i = 0; i < lanes64; ++i) r[i] = a[lanes64 + i];
    return r;
#endif
}

RNNLATCH_INLINE f64 widen_low(i32 a) {
#if defined(RNNLATCH_AVX512)
    return _mm512_cvtepi32_pd(_mm512_castsi512_si256((__m512i)a));
#elif defined(RNNLATCH_AVX2)
    return _mm256_cvtepi32_pd(_mm256_castsi256_si128((__m256i)a));
#else
    f64 r;
    for (std::size_t i = 0; i < lanes64; ++i) r[i] = a[i];
    return r;
#endif
}

RNNLATCH_INLINE f64 widen_high(i32 a) {
#if defined(RNNLATCH_AVX512)
    return _mm512_cvtepi32_pd(_mm512_extracti32x8_epi32((__m512i)a, 1));
#elif defined(RNNLATCH_AVX2)
    return _mm256_cvtepi32_pd(_mm256_extracti128_si256((__m256i)a, 1));
#else
    f64 r;
    for (std::size_t i = 0; i < lanes64; ++i) r[i] = a[lanes64 + i];
    return r;
#endif
}

}  // namespace rnnlatch
