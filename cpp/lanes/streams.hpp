// The random words of the runs in a row of lanes, each lane with the stream of its run.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lanes/buffer.hpp"
#include "lanes/philox.hpp"

namespace rnnlatch {

class LaneStreams {
   public:
    LaneStreams(Key key, const std::uint64_t* stream_of_run)
        : key_(key), philox_(key), stream_of_run_(stream_of_run), low_(lanes32), high_(lanes32) {}

    void set_lane(std::size_t lane, std::size_t run) {
        low_[lane] = static_cast<std::uint32_t>(stream_of_run_[run]);
        high_[lane] = static_cast<std::uint32_t>(stream_of_run_[run] >> 32);
    }

    // What the draws with these words 1 of the counter, one a lane, have in common.
    Philox::Prepared<u32> prepare(const std::uint32_t* presentation) const {
        return philox_.prepare(load<u32>(low_.data()), load<u32>(high_.data()), load<u32>(presentation));
    }

    // Words 4 block ... 4 block + 3.
    void words(const Philox::Prepared<u32>& prepared, Purpose purpose, std::uint32_t block, u32 (&out)[4]) const {
        philox_.words(prepared, counter_word(purpose, block), out);
    }

    // The same of one lane, in plain code.
    Words words_of(std::size_t lane, Purpose purpose, std::uint32_t block, std::uint32_t presentation) const {
        return philox4x32({counter_word(purpose, block), presentation, low_[lane], high_[lane]}, key_);
    }

   private:
    Key key_;
    Philox philox_;
    const std::uint64_t* stream_of_run_;
    Buffer<std::uint32_t> low_, high_;
};

}  // namespace rnnlatch
