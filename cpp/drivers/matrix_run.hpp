// A minibatch over threads: the slices are shared out, their gradients added in order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <vector>

#include "drivers/matrix_walk.hpp"
#include "drivers/network_matrix.hpp"
#include "engine/threads.hpp"
#include "engine/work.hpp"

namespace rnnlatch {

namespace detail {

// walk_slice(walk, slice, first sequence, sequences) for every slice, on at most `threads` threads, each with a walk of its
// own.
template <class Scalar, class WalkSlice>
void share_slices(const PackedNetwork<Scalar>& packed, const Minibatch<Scalar>& batch, const Record<Scalar>& record,
                  const Targets<Scalar>* targets, int threads, const std::function<void()>& report,
                  const WalkSlice& walk_slice) {
    const EvenParts parts = slices(batch.size);
    Work work(parts.count());
    const auto worker = [&] {
        MatrixWalk<Scalar> walk(packed, batch, record, work, targets);
        while (const auto slice = work.take()) walk_slice(walk, *slice, parts.begin(*slice), parts.size(*slice));
    };
    const auto size = static_cast<double>(packed.network.cell.gates * packed.network.hidden);
    const double operations =
        6 * size * static_cast<double>((packed.network.hidden + packed.network.inputs) * batch.size * batch.steps);
    const int useful = static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(threads), parts.count()));
    if (operations < brief_operations) {
        run_briefly(useful, work, worker);
    } else {
        run_on_threads(useful, work, worker, report);
    }
}

}  // namespace detail

template <class Scalar>
void run_matrix_forward(const Network<Scalar>& network, const Minibatch<Scalar>& batch, const Record<Scalar>& record,
                        int threads, const std::function<void()>& report) {
    const PackedNetwork<Scalar> packed(network, false);
    const Targets<Scalar>* none = nullptr;
    detail::share_slices(packed, batch, record, none, threads, report,
                         [&](MatrixWalk<Scalar>& walk, std::size_t, std::size_t first, std::size_t count) {
                             walk.forward(first, count);
                         });
}

// The loss; its gradient goes to `to`.
template <class Scalar>
double run_matrix_gradient(const Network<Scalar>& network, const Minibatch<Scalar>& batch,
                           const Targets<Scalar>& targets, std::size_t truncate, const Record<Scalar>& record,
                           const NetworkGradient<Scalar>& to, int threads, const std::function<void()>& report) {
    const PackedNetwork<Scalar> packed(network, true);
    std::vector<SliceGradient<Scalar>> gradients(slices(batch.size).count(), SliceGradient<Scalar>(packed));
    detail::share_slices(packed, batch, record, &targets, threads, report,
                         [&](MatrixWalk<Scalar>& walk, std::size_t slice, std::size_t first, std::size_t count) {
                             gradients[slice].loss = walk.forward(first, count);
                             walk.backward(truncate, gradients[slice]);
                         });
    for (std::size_t slice = 1; slice < gradients.size(); ++slice) gradients[0].add(gradients[slice]);
    to.assign(network, packed.width, gradients[0]);
    return gradients[0].loss;
}

}  // namespace rnnlatch
