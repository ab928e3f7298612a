// Philox4x32, a counter-based generator: random words are a function of what is drawn, not of who draws it.
//
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011). Ten rounds; the known-answer
// vectors of Random123 are in tests/lanes/test_random.py, and the same bits come from the NumPy twin rnnlatch.random.
//
//   key       two words drawn from the user's seed, the same for all runs of a sweep
//   counter   word 0   purpose << 24 | block,  block = index of the draw / 4
//             word 1   presentation
//             word 2,3 stream of the run, low and high half
//
// Lanes are runs: they differ in their stream and in the presentation they have reached, and share word 0. So the first
// round, and half of the second, are the same for all draws of a presentation and are done once (prepare).
#pragma once

#include <array>
#include <cstdint>

#include "lanes/twice.hpp"

namespace rnnlatch {

// What a draw is for; those that end in _test belong to fresh test sequences.
enum class Purpose : std::uint32_t {
    initial = 0,
    noise = 1,
    order = 2,
    test = 3,
    form = 4,
    form_test = 5,
    prototype = 6,
    symbol = 7,
    symbol_test = 8,
    proposal = 9,
    decision = 10,
};

inline constexpr std::uint32_t philox_multiplier_0 = 0xD2511F53u;
inline constexpr std::uint32_t philox_multiplier_1 = 0xCD9E8D57u;
inline constexpr std::uint32_t philox_weyl_0 = 0x9E3779B9u;
inline constexpr std::uint32_t philox_weyl_1 = 0xBB67AE85u;
inline constexpr int philox_rounds = 10;

using Words = std::array<std::uint32_t, 4>;
using Key = std::array<std::uint32_t, 2>;

inline std::uint32_t counter_word(Purpose purpose, std::uint32_t block) {
    return static_cast<std::uint32_t>(purpose) << 24 | block;
}

// One counter, one thread of plain code: for the few words that are drawn once a run, and for the known answers.
inline Words philox4x32(Words counter, Key key, int rounds = philox_rounds) {
    for (int round = 0; round < rounds; ++round) {
        const std::uint64_t product_0 = static_cast<std::uint64_t>(philox_multiplier_0) * counter[0];
        const std::uint64_t product_1 = static_cast<std::uint64_t>(philox_multiplier_1) * counter[2];
        counter = {
            static_cast<std::uint32_t>(product_1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product_1),
            static_cast<std::uint32_t>(product_0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product_0)};
        key[0] += philox_weyl_0;
        key[1] += philox_weyl_1;
    }
    return counter;
}

// The generator for the lanes of Word: u32, or Twice<u32> where the registers suffice.
//
// The multiplication of the hardware takes the even 32-bit lanes, so even and odd lanes are kept in two registers of
// 64-bit slots from the first round to the last; the upper halves of the slots hold remains that nothing reads.
class Philox {
   public:
    explicit Philox(Key key) {
        for (int round = 0; round < philox_rounds; ++round) {
            key_0_[round] = key[0] + static_cast<std::uint32_t>(round) * philox_weyl_0;
            key_1_[round] = key[1] + static_cast<std::uint32_t>(round) * philox_weyl_1;
        }
    }

    // What the draws of one presentation have in common: of the even lanes, then of the odd ones.
    template <class Word>
    struct Prepared {
        using Slots = decltype(bits<u64>(Word{}));
        Slots word_3[2], xor_0[2], xor_2[2], product[2];
    };

    template <class Word>
    RNNLATCH_INLINE Prepared<Word> prepare(Word stream_low, Word stream_high, Word presentation) const {
        const u64 m0 = broadcast<u64>(std::uint64_t{philox_multiplier_0});
        const u64 m1 = broadcast<u64>(std::uint64_t{philox_multiplier_1});
        Prepared<Word> prepared;
        for (int odd = 0; odd < 2; ++odd) {
            const auto c1 = bits<u64>(presentation) >> (32 * odd);
            const auto c2 = bits<u64>(stream_low) >> (32 * odd);
            const auto c3 = bits<u64>(stream_high) >> (32 * odd);
            const auto product_1 = multiply_low_halves(c2, m1);
            const auto x0 = (product_1 >> 32) ^ c1 ^ std::uint64_t{key_0_[0]};
            const auto product_0 = multiply_low_halves(x0, m0);
            prepared.word_3[odd] = c3 ^ std::uint64_t{key_1_[0]};
            prepared.xor_0[odd] = product_1 ^ std::uint64_t{key_0_[1]};
            prepared.xor_2[odd] = (product_0 >> 32) ^ std::uint64_t{key_1_[1]};
            prepared.product[odd] = product_0;
        }
        return prepared;
    }

    // The four output words of counter word 0 in every lane.
    template <class Word>
    RNNLATCH_INLINE void words(const Prepared<Word>& prepared, std::uint32_t counter_0, Word (&out)[4]) const {
        const u64 m0 = broadcast<u64>(std::uint64_t{philox_multiplier_0});
        const u64 m1 = broadcast<u64>(std::uint64_t{philox_multiplier_1});
        const std::uint64_t product = static_cast<std::uint64_t>(philox_multiplier_0) * counter_0;
        typename Prepared<Word>::Slots x0[2], x1[2], x2[2], x3[2];
        for (int odd = 0; odd < 2; ++odd) {
            x1[odd] = multiply_low_halves(prepared.word_3[odd] ^ (product >> 32), m1);
            x0[odd] = (x1[odd] >> 32) ^ prepared.xor_0[odd];
            x2[odd] = prepared.xor_2[odd] ^ (product & 0xffffffffu);
            x3[odd] = prepared.product[odd];
        }
#pragma GCC unroll 8
        for (int round = 2; round < philox_rounds; ++round) {
            const u64 k0 = broadcast<u64>(std::uint64_t{key_0_[round]});
            const u64 k1 = broadcast<u64>(std::uint64_t{key_1_[round]});
            for (int odd = 0; odd < 2; ++odd) {
                const auto product_0 = multiply_low_halves(x0[odd], m0);
                const auto product_1 = multiply_low_halves(x2[odd], m1);
                x0[odd] = exclusive_or(product_1 >> 32, x1[odd], k0);
                x2[odd] = exclusive_or(product_0 >> 32, x3[odd], k1);
                x1[odd] = product_1;
                x3[odd] = product_0;
            }
        }
        out[0] = bits<u32>(merge_halves(x0[0], x0[1]));
        out[1] = bits<u32>(merge_halves(x1[0], x1[1]));
        out[2] = bits<u32>(merge_halves(x2[0], x2[1]));
        out[3] = bits<u32>(merge_halves(x3[0], x3[1]));
    }

   private:
    std::uint32_t key_0_[philox_rounds], key_1_[philox_rounds];
};

}  // namespace rnnlatch
