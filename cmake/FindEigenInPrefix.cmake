# Finds Eigen. The cmeel-eigen package, a build requirement, keeps it in a directory cmeel.prefix beside (or in) an
# entry of CMAKE_PREFIX_PATH, where CMake does not look by itself. Nothing else is searched unless
# RNNLATCH_SYSTEM_EIGEN asks for it, so that a system Eigen does not slip in unseen.
# The version is checked by hand: the version file of Eigen 5 refuses a request for 3.4, and the other way round.

if(RNNLATCH_SYSTEM_EIGEN)
  find_package(Eigen3 CONFIG)
  set(where "where CMake looks by itself (RNNLATCH_SYSTEM_EIGEN is on)")
else()
  set(eigen_prefixes "")
  foreach(prefix IN LISTS CMAKE_PREFIX_PATH Python_SITELIB Python_SITEARCH)
    list(APPEND eigen_prefixes "${prefix}/cmeel.prefix" "${prefix}/../cmeel.prefix")
  endforeach()
  list(REMOVE_DUPLICATES eigen_prefixes)
  # A directory found by an earlier configuration may be gone: build isolation uses a new one every time.
  unset(Eigen3_DIR CACHE)
  find_package(Eigen3 CONFIG NO_DEFAULT_PATH PATHS ${eigen_prefixes})
  set(where "in cmeel.prefix beside an entry of CMAKE_PREFIX_PATH (set RNNLATCH_SYSTEM_EIGEN=ON to use another one)")
endif()

if(NOT Eigen3_FOUND)
  message(FATAL_ERROR "Eigen >= 3.4 was not found ${where}.")
endif()
if(Eigen3_VERSION VERSION_LESS 3.4)
  message(FATAL_ERROR "rnnlatch needs Eigen >= 3.4, but ${Eigen3_DIR} is ${Eigen3_VERSION}.")
endif()
message(STATUS "Eigen ${Eigen3_VERSION} in ${Eigen3_DIR}")
