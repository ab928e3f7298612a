# Sets RNNLATCH_HAS_X86_64_LEVELS, the flags of each level, and RNNLATCH_BASELINE_FLAGS for what must run everywhere.
include(CheckCXXCompilerFlag)
include(CheckCXXSourceCompiles)

check_cxx_source_compiles("
#if !defined(__x86_64__) || defined(__ILP32__)
#error another machine
#endif
int main() { return 0; }" RNNLATCH_IS_X86_64)

set(RNNLATCH_HAS_X86_64_LEVELS OFF)
set(RNNLATCH_BASELINE_FLAGS "")

if(RNNLATCH_IS_X86_64)
  # Said aloud, so that a -march in CXXFLAGS cannot leak into the module that tests the processor.
  set(RNNLATCH_BASELINE_FLAGS -march=x86-64)
endif()

if(RNNLATCH_IS_X86_64 AND NOT RNNLATCH_SINGLE_MODULE)
  set(RNNLATCH_HAS_X86_64_LEVELS ON)
  check_cxx_compiler_flag(-march=x86-64-v4 RNNLATCH_HAS_MARCH_LEVELS)
  if(RNNLATCH_HAS_MARCH_LEVELS)
    set(RNNLATCH_X86_64_V2_FLAGS -march=x86-64-v2)
    set(RNNLATCH_X86_64_V3_FLAGS -march=x86-64-v3)
    set(RNNLATCH_X86_64_V4_FLAGS -march=x86-64-v4)
  else()
    set(RNNLATCH_X86_64_V2_FLAGS -march=x86-64 -mcx16 -msahf -mpopcnt -msse3 -mssse3 -msse4.1 -msse4.2)
    set(RNNLATCH_X86_64_V3_FLAGS
        ${RNNLATCH_X86_64_V2_FLAGS} -mavx -mavx2 -mbmi -mbmi2 -mf16c -mfma -mlzcnt -mmovbe)
    set(RNNLATCH_X86_64_V4_FLAGS
        ${RNNLATCH_X86_64_V3_FLAGS} -mavx512f -mavx512bw -mavx512cd -mavx512dq -mavx512vl)
  endif()
  # Compilers split 512-bit vectors in two on processors that lower their clock for them, if nothing is said.
  list(APPEND RNNLATCH_X86_64_V4_FLAGS -mprefer-vector-width=512)
endif()
