// Random words and draws, for the tests and for the NumPy twin to be compared with.
#include <algorithm>
#include <string>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "lanes/normal.hpp"
#include "lanes/philox.hpp"

namespace rnnlatch::bindings {
namespace {

NDArray<std::uint32_t> philox(const NDArray<std::uint32_t>& counter, const NDArray<std::uint32_t>& key, int rounds) {
    const auto counters = require(counter, "counter", {-1, 4});
    const Key words = key_words(key);
    if (rounds < 1 || rounds > 16) {
        throw py::value_error("rounds is " + std::to_string(rounds) + ", allowed are integers from 1 to 16");
    }
    Array<std::uint32_t> out({counters.shape(0), py::ssize_t{4}});
    for (py::ssize_t i = 0; i < counters.shape(0); ++i) {
        const std::uint32_t* c = counters.data(i, 0);
        const Words result = philox4x32({c[0], c[1], c[2], c[3]}, words, rounds);
        std::copy(result.begin(), result.end(), out.mutable_data(i, 0));
    }
    return out;
}

struct Draws {
    static constexpr char name[] = "'normal', 'uniform'";
};

// What the tasks draw, by the code they draw it with: draws[run, n] of one purpose and presentation.
NDArray<double> draws(const Literal<Draws>& kind_of, const NDArray<std::uint32_t>& key,
                      const NDArray<std::uint64_t>& streams, std::uint32_t purpose, std::uint32_t presentation,
                      py::ssize_t count) {
    const auto stream = require(streams, "streams", {-1});
    const auto kind = converted<std::string>(kind_of, "kind", "texts");
    if (kind != "normal" && kind != "uniform") {
        throw py::value_error("kind is '" + kind + "', allowed are 'normal' and 'uniform'");
    }
    if (purpose > 255) throw py::value_error("purpose is " + std::to_string(purpose) + ", allowed are 0 to 255");
    if (count < 0) throw py::value_error("count is " + std::to_string(count) + ", allowed are integers from 0");
    const Philox generator(key_words(key));
    const auto runs = static_cast<std::size_t>(stream.size());
    Array<double> out({stream.size(), count});
    double* to = out.mutable_data();
    for (std::size_t first = 0; first < runs; first += lanes32) {
        const std::size_t filled = std::min(lanes32, runs - first);
        u32 low{}, high{};
        for (std::size_t k = 0; k < filled; ++k) {
            low[k] = static_cast<std::uint32_t>(stream.data()[first + k]);
            high[k] = static_cast<std::uint32_t>(stream.data()[first + k] >> 32);
        }
        const auto prepared = generator.prepare(low, high, broadcast<u32>(presentation));
        for (py::ssize_t n = 0; n < count; n += 4) {
            u32 words[4];
            generator.words(prepared, counter_word(static_cast<Purpose>(purpose), static_cast<std::uint32_t>(n / 4)),
                            words);
            f64 draw[4][2];
            if (kind == "normal") {
                Twice<f32> one, two;
                box_muller(Twice<u32>{words[0], words[2]}, Twice<u32>{words[1], words[3]}, one, two);
                const f32 z[4] = {one.low, two.low, one.high, two.high};
                for (int j = 0; j < 4; ++j) draw[j][0] = widen_low(z[j]), draw[j][1] = widen_high(z[j]);
            } else {
                for (int j = 0; j < 4; ++j) {
                    draw[j][0] = symmetric_uniform_low(words[j]), draw[j][1] = symmetric_uniform_high(words[j]);
                }
            }
            for (py::ssize_t j = 0; j < 4 && n + j < count; ++j) {
                for (std::size_t k = 0; k < filled; ++k) {
                    to[(first + k) * static_cast<std::size_t>(count) + static_cast<std::size_t>(n + j)] =
                        draw[j][k / lanes64][k % lanes64];
                }
            }
        }
    }
    return out;
}

}  // namespace

void bind_random(py::module_& m) {
    using namespace py::literals;
    m.def("philox4x32", &philox, "counter"_a, "key"_a, "rounds"_a = philox_rounds);
    m.def("draws", &draws, "kind"_a, "key"_a, "streams"_a, "purpose"_a, "presentation"_a, "count"_a);
}

}  // namespace rnnlatch::bindings
