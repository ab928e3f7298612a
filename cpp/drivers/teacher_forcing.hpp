// Teacher forcing, for the matrix driver: where a unit has a target, the next step reads the target in place of its state.
//
// For networks without a read-out that are scored at every step. No error flows back through what was replaced.
// Source: Williams, Zipser (1989).
#pragma once

#include <cstddef>
#include <utility>

#include "drivers/matrix_losses.hpp"
#include "drivers/network_matrix.hpp"
#include "lanes/buffer.hpp"

namespace rnnlatch {

// What the units of one slice were before they were replaced, step by step.
template <class Scalar>
class TeacherForcing {
   public:
    TeacherForcing(const Network<Scalar>& network, std::size_t width, const Minibatch<Scalar>& batch,
                   const Targets<Scalar>& targets, std::size_t widest)
        : width_(width),
          first_unit_(network.read_unit < 0 ? 0 : static_cast<std::size_t>(network.read_unit)),
          units_(network.output_size()),
          batch_(batch),
          targets_(targets),
          own_(batch.steps * widest * units_) {}

    // On the way there, after step t: h are the states of the slice's sequences, column after column.
    void force(std::size_t t, std::size_t first, std::size_t count, Scalar* h) {
        for_each(t, first, count, [&](std::size_t place, std::size_t number, std::size_t target) {
            own_.data()[number] = h[place];
            h[place] = targets_.values[target];
        });
    }

    // The states for the targets, or back again.
    void exchange(std::size_t t, std::size_t first, std::size_t count, Scalar* h) {
        for_each(t, first, count,
                 [&](std::size_t place, std::size_t number, std::size_t) { std::swap(own_.data()[number], h[place]); });
    }

    // On the way back, before step t.
    void stop(std::size_t t, std::size_t first, std::size_t count, Scalar* flow) const {
        for_each(t, first, count, [&](std::size_t place, std::size_t, std::size_t) { flow[place] = 0; });
    }

   private:
    // f(place among the columns, number of what is kept, number of the target) for all that is replaced.
    template <class F>
    void for_each(std::size_t t, std::size_t first, std::size_t count, const F& f) const {
        for (std::size_t b = 0; b < count; ++b) {
            const std::size_t term = (first + b) * batch_.steps + t;
            if (t < batch_.begin(first + b) || (targets_.weights && !(targets_.weights[term] > 0))) continue;
            for (std::size_t i = 0; i < units_; ++i) {
                f(b * width_ + first_unit_ + i, (t * count + b) * units_ + i, term * units_ + i);
            }
        }
    }

    std::size_t width_, first_unit_, units_;
    const Minibatch<Scalar>& batch_;
    const Targets<Scalar>& targets_;
    Scratch<Scalar> own_;
};

}  // namespace rnnlatch
