# cmake --install: headers, libraries, tools and a package that find_package(kvc)
# understands:
#
#   find_package(kvc REQUIRED)                       # runtime and reference
#   target_link_libraries(engine kvc::kvcrt)
#   find_package(kvc REQUIRED COMPONENTS compiler)   # and the dialect and passes
#   target_link_libraries(my-opt kvc::KVCPipelines)
include(CMakePackageConfigHelpers)

function(kvc_install_package)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/runtime/include/kvcrt
                    ${PROJECT_SOURCE_DIR}/reference/include/kvcref
          DESTINATION include)
  install(TARGETS kvcrt kvcrt_headers KVCReference EXPORT kvcRuntimeTargets
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT kvcRuntimeTargets NAMESPACE kvc::
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kvc)
  set(tools kvc-run kvc-weights)
  if(KVC_BUILD_COMPILER)
    list(APPEND tools kvc-opt kvc-compile kvc-interpret kvc-lsp-server kvc-reduce)
    get_property(libraries GLOBAL PROPERTY KVC_LIBRARIES)
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/kvc
                      ${PROJECT_BINARY_DIR}/include/kvc
            DESTINATION include
            FILES_MATCHING PATTERN "*.h" PATTERN "*.td" PATTERN "*.inc"
            PATTERN CMakeFiles EXCLUDE)
    install(TARGETS ${libraries} EXPORT kvcCompilerTargets
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(EXPORT kvcCompilerTargets NAMESPACE kvc::
            DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kvc)
    if(TARGET KVCPlugin)
      install(TARGETS KVCPlugin LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
    endif()
  endif()
  foreach(tool IN LISTS tools)
    if(TARGET ${tool})
      install(TARGETS ${tool} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    endif()
  endforeach()
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

  configure_package_config_file(${PROJECT_SOURCE_DIR}/tools/cmake/kvcConfig.cmake.in
    ${PROJECT_BINARY_DIR}/kvcConfig.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kvc)
  # The build folder is a package as well (runtime and reference): python/.
  export(EXPORT kvcRuntimeTargets NAMESPACE kvc::
         FILE ${PROJECT_BINARY_DIR}/kvcRuntimeTargets.cmake)
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/kvcConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/kvcConfig.cmake
                ${PROJECT_BINARY_DIR}/kvcConfigVersion.cmake
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kvc)
endfunction()
