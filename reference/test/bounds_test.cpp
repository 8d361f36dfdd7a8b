//===- bounds_test.cpp ----------------------------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "kvcref/bounds.h"

#include <cmath>
#include <gtest/gtest.h>

using kvcref::RelativeError;

TEST(RelativeErrorTest, Norms) {
  RelativeError error;
  EXPECT_EQ(error.get(), 0);
  error.add(3, 4);
  error.add(3, 3);
  EXPECT_DOUBLE_EQ(error.get(), 0.2); // 1 / 5
}

TEST(RelativeErrorTest, NothingHidesInANaN) {
  RelativeError both, ours, theirs;
  both.add(NAN, NAN);
  EXPECT_EQ(both.get(), 0);
  ours.add(NAN, 1);
  EXPECT_EQ(ours.get(), INFINITY);
  theirs.add(1, NAN);
  EXPECT_EQ(theirs.get(), INFINITY);
}

TEST(RelativeErrorTest, NothingHidesInAnInfinity) {
  RelativeError both, ours, theirs, opposite;
  both.add(-INFINITY, -INFINITY);
  EXPECT_EQ(both.get(), 0);
  both.add(3, 4); // an infinite reference makes no other error small
  EXPECT_DOUBLE_EQ(both.get(), 0.25);
  ours.add(INFINITY, 1);
  EXPECT_EQ(ours.get(), INFINITY);
  theirs.add(1, INFINITY);
  EXPECT_EQ(theirs.get(), INFINITY);
  opposite.add(-INFINITY, INFINITY);
  EXPECT_EQ(opposite.get(), INFINITY);
}

TEST(LseDistanceTest, AbsoluteBelowOneAndNeverNaN) {
  using kvcref::lseDistance;
  EXPECT_DOUBLE_EQ(lseDistance(0.75, 0.5), 0.25);
  EXPECT_DOUBLE_EQ(lseDistance(-5, -4), 0.25);
  EXPECT_EQ(lseDistance(-INFINITY, -INFINITY), 0); // rows without a key
  EXPECT_EQ(lseDistance(NAN, NAN), 0);
  for (double wrong : {0.0, double(NAN), double(INFINITY)}) {
    EXPECT_EQ(lseDistance(wrong, -INFINITY), INFINITY);
    EXPECT_EQ(lseDistance(-INFINITY, wrong), INFINITY);
  }
}
