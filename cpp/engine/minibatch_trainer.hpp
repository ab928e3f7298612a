// Trains one network in matrices: a minibatch, its gradient, a step.
//
// The slices of a minibatch are shared out to threads, and their gradients added in order: the number of threads changes
// nothing. Everything that a walk needs stays from one update to the next.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "algorithms/minibatch_rules.hpp"
#include "drivers/matrix_run.hpp"
#include "drivers/matrix_walk.hpp"
#include "drivers/network_matrix.hpp"
#include "engine/minibatch_sequences.hpp"
#include "engine/threads.hpp"
#include "engine/work.hpp"

namespace rnnlatch {

// Walks over the minibatches of one network, on several threads. With the regulariser every slice has a walk of its own, for
// what it remembers is needed again when all slices are done.
template <class Scalar>
class MinibatchWalks {
   public:
    MinibatchWalks(const PackedNetwork<Scalar>& packed, MinibatchSequences<Scalar>& sequences, WalkKind kind,
                   int threads, const std::uint8_t* stop)
        : sequences_(sequences),
          hidden_(packed.network.hidden),
          each_its_own_(kind.omega.has_value()),
          threads_(std::min(static_cast<std::size_t>(std::max(threads, 1)), parts(sequences.batch().size).count())),
          stopped_(0, stop),
          stop_(stop) {
        for (std::size_t state = 0; state < packed.network.cell.states; ++state) {
            record_.last_states[state] = sequences.carried(state);
        }
        const std::size_t walks = each_its_own_ ? parts(sequences.batch().size).count() : threads_;
        for (std::size_t i = 0; i < walks; ++i) {
            walks_.emplace_back(packed, sequences.batch(), record_, stopped_, &sequences.targets(), kind);
        }
    }

    bool stopped() const { return stopped_.cancelled(); }

    EvenParts parts(std::size_t batch) const { return slices_in_training(batch, hidden_); }

    // walk_slice(walk, slice, first sequence, sequences) for every slice of the minibatch there is now.
    template <class WalkSlice>
    void run(const WalkSlice& walk_slice) {
        const EvenParts all = parts(sequences_.batch().size);
        const auto one = [&](std::size_t slice, std::size_t thread) {
            walk_slice(walks_[each_its_own_ ? slice : thread], slice, all.begin(slice), all.size(slice));
        };
        if (threads_ == 1) {
            for (std::size_t slice = 0; slice < all.count(); ++slice) one(slice, 0);
            return;
        }
        Work work(all.count(), stop_);
        std::atomic<std::size_t> next{0};
        run_briefly(static_cast<int>(threads_), work, [&] {
            const std::size_t thread = next.fetch_add(1);
            while (const auto slice = work.take()) one(*slice, thread);
        });
    }

   private:
    const MinibatchSequences<Scalar>& sequences_;
    const std::size_t hidden_;
    const bool each_its_own_;  // slice its walk
    const std::size_t threads_;
    Record<Scalar> record_{};
    const Work stopped_;
    const std::uint8_t* stop_;
    std::deque<MatrixWalk<Scalar>> walks_;
};

struct MinibatchSettings {
    std::size_t batch_size;
    bool mean_gradient;
    std::optional<OmegaForm> omega;
    bool teacher_forcing;
    bool omega_mean;  // over the terms that there are, not the sum over time and the mean over the batch
    int threads;
    const std::uint8_t* stop;
};

// What an update was: the mean loss of the minibatch, how many of its sequences were wrong, the norm of the gradient before it
// was clipped, and the regulariser.
struct MinibatchTrace {
    double loss, wrong, gradient_norm, omega;
};

enum class Updated { done, diverged, stopped };

template <class Scalar>
class MinibatchTrainer {
   public:
    // The network's parameters are `count` numbers from theta on, which change.
    MinibatchTrainer(const Network<Scalar>& network, Scalar* theta, std::size_t count,
                     MinibatchSequences<Scalar>& sequences, const MinibatchSettings& settings,
                     MinibatchRule<Scalar>& rule)
        : network_(network),
          theta_(theta),
          sequences_(sequences),
          settings_(settings),
          rule_(rule),
          packed_(network, true, sequences.symbolic()),
          walks_(packed_, sequences, {true, settings.omega, settings.teacher_forcing, widest_slice}, settings.threads,
                 settings.stop),
          slices_(walks_.parts(settings.batch_size).count(), SliceGradient<Scalar>(packed_)),
          gradient_(count) {
        const auto place = [&](const Scalar* parameter) {
            return parameter ? gradient_.data() + (parameter - theta) : nullptr;
        };
        to_ = {place(network.weight_ih), place(network.weight_hh),  place(network.bias_ih),
               place(network.bias_hh),   place(network.weight_out), place(network.bias_out)};
    }

    // The update with the presentations whose indices are index_of(0), .... Where the network diverges, or the work is stopped
    // meanwhile, it is left as it was.
    template <class IndexOf>
    Updated update(double rate, double omega, const IndexOf& index_of, MinibatchTrace& trace) {
        sequences_.draw(settings_.batch_size, Part::training, index_of);
        packed_.pack();
        walks_.run([&](MatrixWalk<Scalar>& walk, std::size_t slice, std::size_t first, std::size_t count) {
            SliceGradient<Scalar>& to = slices_[slice];
            to.clear();
            to.loss = walk.forward(first, count);
            walk.backward(0, to);
        });
        trace.omega = settings_.omega ? add_omega(omega) : 0.0;
        if (walks_.stopped()) return Updated::stopped;  // perhaps on the way: what was gathered may be anything
        for (std::size_t slice = 1; slice < slices_.size(); ++slice) slices_[0].add(slices_[slice]);
        to_.assign(network_, packed_.width, slices_[0]);
        if (!settings_.mean_gradient) {
            for (Scalar& each : gradient_) each *= static_cast<Scalar>(settings_.batch_size);
        }
        trace.loss = slices_[0].loss;
        trace.wrong = static_cast<double>(sequences_.wrong());
        trace.gradient_norm = rule_.prepare(theta_, gradient_.data());
        return rule_.step(rate, trace.gradient_norm, theta_, gradient_.data()) ? Updated::done : Updated::diverged;
    }

   private:
    // The regulariser, whose gradient, times the weight, is gathered together with that of the loss.
    double add_omega(double weight) {
        double sum = 0;
        std::size_t there = 0;
        for (const SliceGradient<Scalar>& slice : slices_) sum += slice.omega, there += slice.omega_terms;
        const auto terms =
            static_cast<double>(settings_.omega_mean ? std::max<std::size_t>(there, 1) : settings_.batch_size);
        // the sum over a batch is the mean times its size, and only that of the loss is wanted
        const double scale = settings_.mean_gradient ? 1.0 : 1.0 / static_cast<double>(settings_.batch_size);
        walks_.run([&](MatrixWalk<Scalar>& walk, std::size_t slice, std::size_t, std::size_t) {
            walk.gather_with_omega(static_cast<Scalar>(weight / terms * scale), slices_[slice]);
        });
        return sum / terms;
    }

    const Network<Scalar> network_;
    Scalar* theta_;
    MinibatchSequences<Scalar>& sequences_;
    const MinibatchSettings settings_;
    MinibatchRule<Scalar>& rule_;
    PackedNetwork<Scalar> packed_;
    MinibatchWalks<Scalar> walks_;
    std::vector<SliceGradient<Scalar>> slices_;
    Buffer<Scalar> gradient_;
    NetworkGradient<Scalar> to_{};
};

// Tests one network on fresh sequences.
template <class Scalar>
class MinibatchEvaluator {
   public:
    MinibatchEvaluator(const Network<Scalar>& network, MinibatchSequences<Scalar>& sequences, int threads,
                       const std::uint8_t* stop)
        : sequences_(sequences),
          packed_(network, false, sequences.symbolic()),
          walks_(packed_, sequences, {false, std::nullopt, false, widest_slice}, threads, stop) {}

    bool stopped() const { return walks_.stopped(); }

    // Adds the losses of `count` sequences up, and how many are wrong.
    template <class IndexOf>
    void test(std::size_t count, const IndexOf& index_of, double& loss, std::int64_t& wrong) {
        sequences_.draw(count, Part::test, index_of);
        std::vector<double> losses(walks_.parts(count).count());
        walks_.run([&](MatrixWalk<Scalar>& walk, std::size_t slice, std::size_t first, std::size_t size) {
            losses[slice] = walk.forward(first, size);
        });
        double mean = 0;
        for (const double each : losses) mean += each;
        loss += mean * static_cast<double>(count);
        wrong += static_cast<std::int64_t>(sequences_.wrong());
    }

   private:
    MinibatchSequences<Scalar>& sequences_;
    PackedNetwork<Scalar> packed_;
    MinibatchWalks<Scalar> walks_;
};

}  // namespace rnnlatch
