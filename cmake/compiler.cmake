# Settings that every target of this tree shares.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports uninitialised frames of coroutines and impossible overlaps of
  # std::string copies in optimised builds; both are false and upstream bugs.
  add_compile_options(-Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow)
  # The library may be linked into a shared one, and its functions are not replaced there. Without this option the
  # compiler inlines none of them into another, not even within a file.
  add_compile_options(-fno-semantic-interposition)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  # What a call clears are structures of some hundred bytes, for which GCC's `rep stos` takes 4 to 5 ns each.
  add_compile_options(-mmemset-strategy=unrolled_loop:256:noalign,libcall:-1:noalign)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # libstdc++ 12's own std::stable_sort uses what it declares deprecated.
  add_compile_options(-Wno-deprecated-declarations)
endif()

if(SLUICE_SANITIZE)
  add_compile_definitions(SLUICE_SANITIZED)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
  if(SLUICE_SANITIZE MATCHES "undefined")
    # This check opens a pipe each time, and takes having no descriptor left for a wrong type.
    add_compile_options(-fno-sanitize=vptr)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # Other people's headers are most of the code, and what they do in a signed overflow is not ours to mend.
    add_compile_options(-fsanitize-ignorelist=${CMAKE_CURRENT_LIST_DIR}/sanitizer_ignore.txt)
  endif()
  if(SLUICE_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio's own fences, which this sanitizer does not see; what they order is ordered by locks as well.
    add_compile_options(-Wno-tsan)
  endif()
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Paths within this tree are relative and a locale is left out, so that what was compiled in one tree need not be
  # in another. The rest of the sloppiness is what precompiled headers ask for.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=locale,pch_defines,time_macros ${CCACHE_PROGRAM})
endif()
