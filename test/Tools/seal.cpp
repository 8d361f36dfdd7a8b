//===- seal.cpp - kvcrt-seal: an artefact out of any library --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// kvcrt-seal LIBRARY MANIFEST OUTPUT puts a shared library and a manifest
// together as kvc-compile does: how tests make artefacts without the compiler.
//===----------------------------------------------------------------------===//
#include "kvcrt/artifact.h"

#include <cstdio>
#include <fstream>
#include <sstream>

static std::string read(const char *path) {
  std::stringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: kvcrt-seal LIBRARY MANIFEST OUTPUT\n");
    return 1;
  }
  const std::string elf = read(argv[1]), manifest = read(argv[2]);
  char message[512] = "";
  if (kvcrt_artifact_seal(elf.data(), elf.size(), manifest.data(),
                          manifest.size(), argv[3], message, sizeof(message))) {
    fprintf(stderr, "kvcrt-seal: error: %s\n", message);
    return 1;
  }
  return 0;
}
