# rnnlatch_add_stub(module stub): writes the stub of a module after it is linked, and installs it over the one that comes with
# the sources. Where nobody can load the module or write its stub, that one stays: see CONTRIBUTING.md, "Stubs".
option(RNNLATCH_STUBS "Write the stubs of the compiled modules anew if pybind11-stubgen is there; OFF: take those of the sources" ON)

set(RNNLATCH_WRITES_STUBS ${RNNLATCH_STUBS})
if(CMAKE_CROSSCOMPILING OR RNNLATCH_SANITIZE)
  set(RNNLATCH_WRITES_STUBS OFF)  # the module needs another machine, or a library in front of the interpreter
endif()

function(rnnlatch_add_stub module stub)
  if(NOT RNNLATCH_WRITES_STUBS)
    return()
  endif()
  set(written ${CMAKE_CURRENT_BINARY_DIR}/stubs/${stub})
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/stubs)
  add_custom_command(
    TARGET ${module} POST_BUILD
    COMMAND ${Python_EXECUTABLE} ${PROJECT_SOURCE_DIR}/cmake/stubs.py $<TARGET_FILE:${module}> ${written}
            ${PROJECT_SOURCE_DIR}/python/rnnlatch/${stub}
    BYPRODUCTS ${written}
    COMMENT "Writing ${stub}"
    VERBATIM)
  install(FILES ${written} DESTINATION rnnlatch COMPONENT python)
endfunction()
