# Files that are compiled together, so that the headers they share are read once. Not for what each call passes:
# proto/, call/, worker/, loop/, rpc/ and the connection, whose code is measured as it is.
option(SLUICE_UNITY "Compile many files of a folder together: a quick build of everything" OFF)

# sluice_compile_together(TARGET NAME FILES...): as one group of the target's.
function(sluice_compile_together target name)
  if(SLUICE_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
    set_source_files_properties(${ARGN} PROPERTIES UNITY_GROUP ${name})
  endif()
endfunction()
