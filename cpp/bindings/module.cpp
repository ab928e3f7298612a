// The core as a Python module. CMake compiles this folder once for each instruction set and sets the module's name.
#include "bindings/bindings.hpp"

#ifdef RNNLATCH_COVERAGE
extern "C" void __gcov_dump();
#endif

PYBIND11_MODULE(RNNLATCH_MODULE, m, pybind11::mod_gil_not_used()) {
    m.doc() = "The compiled core of rnnlatch: functions on flat arrays and nothing else.";
    rnnlatch::bindings::bind_build_info(m);
    rnnlatch::bindings::bind_lanes(m);
    rnnlatch::bindings::bind_lyapunov(m);
    rnnlatch::bindings::bind_matrix(m);
    rnnlatch::bindings::bind_minibatches(m);
    rnnlatch::bindings::bind_random(m);
    rnnlatch::bindings::bind_engine(m);
    rnnlatch::bindings::bind_networks(m);
    rnnlatch::bindings::bind_network_analyses(m);
    rnnlatch::bindings::bind_jacobians(m);
    rnnlatch::bindings::bind_dynamics(m);
    rnnlatch::bindings::bind_training(m);
#ifdef RNNLATCH_COVERAGE
    m.def("_write_counts", [] { __gcov_dump(); }, "Write which lines ran, for a process that ends without doing so.");
#endif
}
