# Says in a sentence what cannot build the core, before a compiler says it in hundreds of lines.
# `cmake -D VARIABLE=VALUE -P cmake/SupportedPlatforms.cmake` asks it about another machine; the tests do.

if(MSVC)
  message(FATAL_ERROR "rnnlatch needs GCC >= 11 or Clang >= 14 (on Windows: clang++ of LLVM-MinGW); MSVC is not supported.")
endif()

if((CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 11)
   OR (CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14))
  message(FATAL_ERROR "rnnlatch needs C++20 as GCC >= 11 or Clang >= 14 has it, but ${CMAKE_CXX_COMPILER} is "
                      "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}; name another compiler in the environment variable CXX.")
endif()

if(NOT CMAKE_SIZEOF_VOID_P EQUAL 8)
  math(EXPR bits "8 * ${CMAKE_SIZEOF_VOID_P}")
  message(FATAL_ERROR "rnnlatch needs a 64-bit system with a 64-bit Python, but the compiler builds for ${bits} bits.")
endif()

if(CMAKE_CXX_BYTE_ORDER STREQUAL "BIG_ENDIAN")
  message(FATAL_ERROR "rnnlatch needs a little-endian machine, but the compiler builds for ${CMAKE_SYSTEM_PROCESSOR}, "
                      "which is big-endian.")
endif()
