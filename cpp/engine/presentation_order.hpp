// Which sequence a run sees at a presentation: fresh ones in turn, those of a fixed set in turn, or any of the set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lanes/philox.hpp"
#include "tasks/sequence_task.hpp"

namespace rnnlatch {

class PresentationOrder {
   public:
    // `stream`: one a run.
    PresentationOrder(Key key, const std::uint64_t* stream, const SequenceTask& task)
        : key_(key), stream_(stream), sequences_(task.sequences()), random_(task.random_order()) {}

    std::uint32_t index(std::size_t run, std::int64_t presentation) const {
        const auto number = static_cast<std::uint32_t>(presentation);
        if (sequences_ == 0) return number;
        if (!random_) return static_cast<std::uint32_t>(presentation % sequences_);
        const auto low = static_cast<std::uint32_t>(stream_[run]),
                   high = static_cast<std::uint32_t>(stream_[run] >> 32);
        const Words words = philox4x32({counter_word(Purpose::order, 0), number, low, high}, key_);
        return static_cast<std::uint32_t>(static_cast<std::uint64_t>(words[0]) * sequences_ >> 32);
    }

   private:
    Key key_;
    const std::uint64_t* stream_;
    std::uint32_t sequences_;
    bool random_;
};

}  // namespace rnnlatch
