// The minimal task: two classes of sequences that differ in their first steps only; everything after them is noise.
//
// Source: Bengio, Simard, Frasconi (1994), sec. II-III. What distinguishes the classes, the first `prefix` inputs, is a
// parameter of the network in the paper's test (the cell's `input`), so this task draws the rest: which sequence is
// presented, its class and target, and the noise of its steps prefix..length-1.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lanes/buffer.hpp"
#include "lanes/normal.hpp"
#include "lanes/philox.hpp"

namespace rnnlatch {

// Lanes that are drawn for side by side: two registers of 32-bit words where there are enough registers to hold them.
#if defined(RNNLATCH_AVX512)
using DrawWord = Twice<u32>;
using DrawNormal = Twice<f32>;
#else
using DrawWord = u32;
using DrawNormal = f32;
#endif
inline constexpr std::size_t draw_lanes = sizeof(DrawWord) / sizeof(std::uint32_t);

class MinimalLatch {
   public:
    struct Settings {
        std::size_t length;                // T, steps of a sequence
        std::size_t prefix;                // L, steps whose input is trainable
        std::uint32_t training_sequences;  // size of a fixed training set; 0 draws every presentation afresh
        bool random_order;                 // draw which sequence is shown, instead of going round
        bool uniform_noise;                // uniform instead of Gaussian
    };

    MinimalLatch(const Settings& settings, const Philox& philox, Purpose purpose, std::size_t lanes)
        : settings_(settings),
          philox_(philox),
          purpose_(purpose),
          lanes_(lanes),
          stream_low_(lanes),
          stream_high_(lanes),
          presentation_(lanes),
          index_(lanes),
          noise_scale_(lanes),
          target_(lanes),
          positive_(lanes),
          desired_(lanes) {}

    // Puts a run into a lane, before its first presentation.
    void set_lane(std::size_t lane, std::uint64_t stream, double noise_std, double target) {
        stream_low_[lane] = static_cast<std::uint32_t>(stream);
        stream_high_[lane] = static_cast<std::uint32_t>(stream >> 32);
        // a uniform variable on (-1, 1) has standard deviation 1/sqrt(3)
        noise_scale_[lane] = settings_.uniform_noise ? noise_std * 1.7320508075688772 : noise_std;
        target_[lane] = target;
        presentation_[lane] = 0u - 1u;  // one before the first; advance() comes first
        choose(lane, sequences() - 1);
    }

    // Draws the next presentation of every lane; the noise goes to row `prefix` and on of `drive`.
    void present(double* drive) {
        advance();
        if (settings_.random_order) draw_order();
        if (settings_.uniform_noise) {
            draw_noise<true>(drive);
        } else {
            draw_noise<false>(drive);
        }
    }

    // Of the sequences just drawn: all ones where the class is 1, and the target of the last state.
    const std::int64_t* positive() const { return positive_.data(); }
    const double* desired() const { return desired_.data(); }

   private:
    // Sequence i has class i mod 2, whether it is one of a fixed set or of the two kinds of a fresh draw.
    std::uint32_t sequences() const { return settings_.training_sequences ? settings_.training_sequences : 2; }

    void choose(std::size_t lane, std::uint32_t index) {
        index_[lane] = index;
        const bool positive = index & 1u;
        positive_[lane] = -static_cast<std::int64_t>(positive);
        desired_[lane] = positive ? target_[lane] : -target_[lane];
    }

    // Goes to the next sequence in turn. There is an even number of them, so the class changes every time.
    void advance() {
        const u32 last = u32{} + (sequences() - 1);
        for (std::size_t lane = 0; lane < lanes_; lane += lanes32) {
            store(presentation_.data() + lane, load<u32>(presentation_.data() + lane) + 1u);
            const u32 index = load<u32>(index_.data() + lane);
            store(index_.data() + lane, (index + 1u) & (u32)(index < last));
        }
        for (std::size_t lane = 0; lane < lanes_; lane += lanes64) {
            store(positive_.data() + lane, ~load<i64>(positive_.data() + lane));
            store(desired_.data() + lane, -load<f64>(desired_.data() + lane));
        }
    }

    void draw_order() {
        for (std::size_t lane = 0; lane < lanes_; lane += lanes32) {
            const auto prepared = prepare<u32>(lane, presentation_.data());
            u32 words[4];
            philox_.words(prepared, counter_word(Purpose::order, 0), words);
            for (std::size_t k = 0; k < lanes32; ++k) {
                choose(lane + k,
                       static_cast<std::uint32_t>(static_cast<std::uint64_t>(words[0][k]) * sequences() >> 32));
            }
        }
    }

    template <class Word>
    Philox::Prepared<Word> prepare(std::size_t lane, const std::uint32_t* presentation) const {
        using M = Memory<Word>;
        return philox_.prepare(M::load(stream_low_.data() + lane), M::load(stream_high_.data() + lane),
                               M::load(presentation + lane));
    }

    // Four draws come from one call of the generator; a last call may leave up to three unused.
    template <bool uniform>
    void draw_noise(double* drive) const {
        const std::size_t steps = settings_.length - settings_.prefix;
        const std::uint32_t* sequence = settings_.training_sequences ? index_.data() : presentation_.data();
        for (std::size_t lane = 0; lane < lanes_; lane += draw_lanes) {
            const auto prepared = prepare<DrawWord>(lane, sequence);
            double* row = drive + settings_.prefix * lanes_ + lane;
            const auto put = [&](auto draw) {
                scale_and_store<uniform>(draw, noise_scale_.data() + lane, row);
                row += lanes_;
            };
            std::uint32_t block = 0;
            for (std::size_t step = 0; step < steps; step += 4, ++block) {
                DrawWord words[4];
                philox_.words(prepared, counter_word(purpose_, block), words);
                const std::size_t wanted = steps - step;
                if constexpr (uniform) {
                    for (std::size_t k = 0; k < 4 && k < wanted; ++k) put(words[k]);
                } else {
                    if (wanted <= 2) {
                        DrawNormal first, second;
                        box_muller(words[0], words[1], first, second);
                        put(first);
                        if (wanted > 1) put(second);
                    } else {
                        Twice<DrawNormal> first, second;
                        box_muller(Twice<DrawWord>{words[0], words[2]}, Twice<DrawWord>{words[1], words[3]}, first,
                                   second);
                        put(first.low);
                        put(second.low);
                        put(first.high);
                        if (wanted > 3) put(second.high);
                    }
                }
            }
        }
    }

    template <bool uniform, class Draw>
    static RNNLATCH_INLINE void scale_and_store(Draw draw, const double* scale, double* row) {
        if constexpr (detail::is_twice<Draw>) {
            scale_and_store<uniform>(draw.low, scale, row);
            scale_and_store<uniform>(draw.high, scale + lanes32, row + lanes32);
        } else if constexpr (uniform) {
            store(row, symmetric_uniform_low(draw) * load<f64>(scale));
            store(row + lanes64, symmetric_uniform_high(draw) * load<f64>(scale + lanes64));
        } else {
            store(row, widen_low(draw) * load<f64>(scale));
            store(row + lanes64, widen_high(draw) * load<f64>(scale + lanes64));
        }
    }

    Settings settings_;
    Philox philox_;
    Purpose purpose_;
    std::size_t lanes_;
    Buffer<std::uint32_t> stream_low_, stream_high_, presentation_, index_;
    Buffer<double> noise_scale_, target_;
    Buffer<std::int64_t> positive_;
    Buffer<double> desired_;
};

}  // namespace rnnlatch
