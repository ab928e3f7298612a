// The readout of one network for many of its last states: the lanes of a row are sequences here.
//
// Where only the readout changed, what the network makes of every sequence before it is known, and this is all there is to do.
// The arithmetic is that of NetworkLanes, to the last bit.
#pragma once

#include <algorithm>
#include <cstddef>

#include "drivers/lane_losses.hpp"
#include "drivers/lane_products.hpp"
#include "drivers/network_problem.hpp"
#include "lanes/buffer.hpp"

namespace rnnlatch {

template <class V>
class SequenceReadout {
   public:
    using S = ScalarOf<V>;
    static constexpr std::size_t row = Row<V>::stride;

    explicit SequenceReadout(const NetworkShape& shape)
        : shape_(shape),
          weight_(shape.outputs * shape.hidden * row),
          bias_(shape.outputs * row),
          output_(shape.outputs * row),
          unused_(shape.outputs * row) {}

    // Takes the network in a lane of these rows of parameters.
    void take(const S* parameters, std::size_t lane) {
        const ParameterRows at(shape_);
        spread(parameters + at.weight_out * row + lane, weight_);
        spread(parameters + at.bias_out * row + lane, bias_);
    }

    // The outputs for rows of last states, and what they cost.
    const S* judge(const S* states, const S* target, const S* weight, S* cost) {
        using M = Memory<V>;
        constexpr auto step = static_cast<std::ptrdiff_t>(row);
        const auto columns = static_cast<std::ptrdiff_t>(shape_.hidden);
        LaneProducts<V>::affine(shape_.outputs, bias_.data(),
                                {Term<S>{weight_.data(), columns * step, step, states, step, shape_.hidden}},
                                output_.data());
        M::store(cost, constant_like<V>(0.0));
        rnnlatch::judge<V>(shape_.loss, shape_.outputs, output_.data(), target, M::load(weight), cost, unused_.data());
        return output_.data();
    }

   private:
    static void spread(const S* from, Buffer<S>& to) {
        for (std::size_t at = 0; at < to.size(); at += row) std::fill_n(to.data() + at, row, from[at]);
    }

    NetworkShape shape_;
    Buffer<S> weight_, bias_, output_, unused_;
};

}  // namespace rnnlatch
