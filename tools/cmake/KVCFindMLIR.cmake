# Finds Debian's LLVM/MLIR 22 and loads its CMake modules. No version is given
# to find_package: MLIR's version file refuses "22" for 22.1.
find_package(Python3 REQUIRED COMPONENTS Interpreter) # AddLLVM runs lit with it
find_package(MLIR REQUIRED CONFIG)
if(NOT LLVM_VERSION_MAJOR EQUAL 22)
  message(FATAL_ERROR "expected LLVM/MLIR 22, got ${LLVM_VERSION} in ${MLIR_DIR}")
endif()
find_package(LLD REQUIRED CONFIG)

set(LLVM_RUNTIME_OUTPUT_INTDIR ${CMAKE_BINARY_DIR}/bin)
set(LLVM_LIBRARY_OUTPUT_INTDIR ${CMAKE_BINARY_DIR}/lib)
set(MLIR_BINARY_DIR ${CMAKE_BINARY_DIR}) # mlir-doc writes <build>/docs
set(LLVM_EXTERNAL_LIT ${LLVM_TOOLS_BINARY_DIR}/lit CACHE STRING "lit driver")
set(LLVM_LIT_ARGS "-sv" CACHE STRING "arguments of lit")
# Installed programs look for libMLIR where the build found it.
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)

list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
separate_arguments(LLVM_DEFINITIONS_LIST NATIVE_COMMAND ${LLVM_DEFINITIONS})
add_definitions(${LLVM_DEFINITIONS_LIST})
include(HandleLLVMOptions)

# One precompiled header for all of our MLIR code: nine dialects' headers cost
# 8 s a file otherwise. NVVMDialect.h and Conversion/Passes.h stay out of it on
# purpose (10 to 20 s each); keep each of them in one source file.
if(KVC_PRECOMPILE_HEADERS)
  file(WRITE ${CMAKE_BINARY_DIR}/pch/pch.cpp "")
  add_library(KVCPrecompiledHeader OBJECT ${CMAKE_BINARY_DIR}/pch/pch.cpp)
  llvm_update_compile_flags(KVCPrecompiledHeader)
  target_include_directories(KVCPrecompiledHeader SYSTEM PRIVATE ${MLIR_INCLUDE_DIRS})
  target_precompile_headers(KVCPrecompiledHeader PRIVATE
    <mlir/Dialect/Arith/IR/Arith.h>
    <mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h>
    <mlir/Dialect/Func/IR/FuncOps.h>
    <mlir/Dialect/LLVMIR/LLVMDialect.h>
    <mlir/Dialect/Linalg/IR/Linalg.h>
    <mlir/Dialect/Math/IR/Math.h>
    <mlir/Dialect/MemRef/IR/MemRef.h>
    <mlir/Dialect/SCF/IR/SCF.h>
    <mlir/Dialect/Tensor/IR/Tensor.h>
    <mlir/Dialect/Vector/IR/VectorOps.h>
    <mlir/IR/PatternMatch.h>
    <mlir/Pass/Pass.h>
    <mlir/Transforms/DialectConversion.h>)
endif()

# add_kvc_library(NAME sources... [INTERNAL] [DEPENDS targets] [LINK_LIBS ours] [MLIR_LIBS theirs])
# One of our static libraries over MLIR. MLIR's own libraries go through
# mlir_target_link_libraries, so that libMLIR.so and the archives never mix.
function(add_kvc_library name)
  cmake_parse_arguments(ARG "INTERNAL" "" "DEPENDS;LINK_LIBS;MLIR_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  llvm_update_compile_flags(${name})
  target_include_directories(${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:include>)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS})
  mlir_target_link_libraries(${name} PUBLIC ${ARG_MLIR_LIBS})
  if(MLIR_LINK_MLIR_DYLIB)
    # libMLIR.so needs it, and names it to no linker but its own.
    target_link_libraries(${name} PUBLIC LLVM)
  endif()
  if(KVC_PRECOMPILE_HEADERS)
    target_precompile_headers(${name} REUSE_FROM KVCPrecompiledHeader)
  endif()
  if(NOT ARG_INTERNAL) # not installed
    set_property(GLOBAL APPEND PROPERTY KVC_LIBRARIES ${name})
  endif()
endfunction()
