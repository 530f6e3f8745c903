# One program that links lifelong and the COMPONENTS, and the proof that no flag of ours comes with them.
add_executable(consumer ${CMAKE_CURRENT_LIST_DIR}/main.cpp)
target_compile_definitions(consumer PRIVATE EXPECTED_VERSION="${VERSION}")

foreach(component lifelong ${COMPONENTS})
  target_link_libraries(consumer PRIVATE lifelong::${component})
  target_compile_definitions(consumer PRIVATE WITH_${component})
  foreach(property INTERFACE_COMPILE_OPTIONS INTERFACE_COMPILE_DEFINITIONS INTERFACE_LINK_OPTIONS)
    get_target_property(leaked lifelong::${component} ${property})
    if(leaked)
      message(FATAL_ERROR "lifelong::${component} has ${property} ${leaked}")
    endif()
  endforeach()
endforeach()
