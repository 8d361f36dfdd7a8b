//===- TestPasses.h - passes that only tests run ----------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// In kvc-opt alone: neither the plugin nor kvc-compile knows them.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_TEST_LIB_TESTPASSES_H
#define KVC_TEST_LIB_TESTPASSES_H

namespace kvc::test {

void registerTestPasses();
void registerTestEmitPTX();
void registerTestWrongRaise();

} // namespace kvc::test

#endif // KVC_TEST_LIB_TESTPASSES_H
