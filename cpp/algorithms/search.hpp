// What searches have in common: they propose points, and are told what each is worth on the whole training set.
//
// A search is a run's own, in plain code, and knows no networks: a point is a list of coordinates. It has
//   draws(coordinates)           how many uniform numbers a proposal takes
//   begin(begin, rates, put)     the run begins; the first proposal
//   hopeless(so_far)             whether the proposal is out, whatever the rest of the set adds
//   decide(found, put)           what becomes of the proposal; how the run ends, or else the next proposal
//   best()                       the point that the run is judged by
//   one_at_a_time                whether proposals differ from an accepted point in one coordinate
// put(i, value) changes coordinate i of what is proposed; the others stay as they are.
//
// A loss so far is a sum over the set divided by its size: no term is negative, so it only grows, by the same roundings
// whether or not anybody gives up. That is why giving up changes no result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/outcome.hpp"
#include "lanes/buffer.hpp"
#include "lanes/uniform53.hpp"

namespace rnnlatch {

// What is known of a point: means over the set of what was shown of it. A loss that is no number is infinite.
struct Evaluation {
    double loss, error;
    std::size_t right_before;  // sequences that were right before the first wrong one
    bool complete;             // the whole set was shown
    bool meets;                // and the criterion is met
};

struct BestPoint {
    std::vector<double> at;
    Evaluation found;
};

struct Decision {
    bool accepted;
    std::optional<Outcome> outcome;
};

// The uniform numbers of a run's proposals, by the number of the evaluation; the start is evaluation 0.
class ProposalDraws {
   public:
    ProposalDraws() = default;
    ProposalDraws(Key key, std::uint64_t stream, std::size_t count)
        : key_(key), stream_(stream), count_(count), numbers_(room_for_uniform53(count)) {}

    const double* draw(std::size_t evaluation) {
        draw_uniform53(key_, stream_, Purpose::proposal, static_cast<std::uint32_t>(evaluation), count_,
                       numbers_.data());
        return numbers_.data();
    }

   private:
    Key key_{};
    std::uint64_t stream_ = 0;
    std::size_t count_ = 0;
    Buffer<double> numbers_;
};

// What a run begins with.
struct SearchBegin {
    ProposalDraws draws;
    std::vector<double> start;
    Measure measure;
    double threshold;
};

}  // namespace rnnlatch
