// Uniform numbers in [0, 1) of 53 bits, many of one place at once: the lanes of a pack are blocks of the generator here.
//
// Number k is made of words 2k and 2k + 1, as in rnnlatch.random.uniform53; see lanes/philox.hpp for the words.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lanes/pack.hpp"
#include "lanes/philox.hpp"

namespace rnnlatch {

namespace detail {

// 27 bits of one word and 26 of another; every step is exact. The upper halves of the slots are not read.
RNNLATCH_INLINE f64 uniform53(u64 first, u64 second) {
    constexpr std::uint64_t two_to_52 = 0x4330000000000000;
    const f64 high = bits<f64>(((first & 0xffffffffULL) >> 5) | two_to_52) - 0x1p52;
    const f64 low = bits<f64>(((second & 0xffffffffULL) >> 6) | two_to_52) - 0x1p52;
    return (high * 0x1p26 + low) * 0x1p-53;
}

}  // namespace detail

// Numbers are drawn by so many; `to` has room for the last of them.
inline constexpr std::size_t uniform53_at_once = 2 * lanes64;
inline constexpr std::size_t room_for_uniform53(std::size_t count) {
    return (count + uniform53_at_once - 1) / uniform53_at_once * uniform53_at_once;
}

inline void draw_uniform53(Key key, std::uint64_t stream, Purpose purpose, std::uint32_t presentation,
                           std::size_t count, double* to) {
    const u64 m0 = broadcast<u64>(std::uint64_t{philox_multiplier_0});
    const u64 m1 = broadcast<u64>(std::uint64_t{philox_multiplier_1});
    u64 block;
    for (std::size_t lane = 0; lane < lanes64; ++lane) {
        block[lane] = counter_word(purpose, static_cast<std::uint32_t>(lane));
    }
    for (std::size_t k = 0; k < count; k += uniform53_at_once, block += lanes64) {
        u64 x0 = block, x1 = broadcast<u64>(std::uint64_t{presentation});
        u64 x2 = broadcast<u64>(stream & 0xffffffffu), x3 = broadcast<u64>(stream >> 32);
        Key round_key = key;
        for (int round = 0; round < philox_rounds; ++round) {
            const u64 product_0 = multiply_low_halves(x0, m0), product_1 = multiply_low_halves(x2, m1);
            x0 = exclusive_or(product_1 >> 32, x1, broadcast<u64>(std::uint64_t{round_key[0]}));
            x2 = exclusive_or(product_0 >> 32, x3, broadcast<u64>(std::uint64_t{round_key[1]}));
            x1 = product_1;
            x3 = product_0;
            round_key[0] += philox_weyl_0;
            round_key[1] += philox_weyl_1;
        }
        const f64 even = detail::uniform53(x0, x1), odd = detail::uniform53(x2, x3);
        store(to + k, interleave<false>(even, odd));
        store(to + k + lanes64, interleave<true>(even, odd));
    }
}

}  // namespace rnnlatch
