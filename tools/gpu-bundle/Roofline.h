//===- Roofline.h - attained rates below what a machine can do ------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_GPU_BUNDLE_ROOFLINE_H
#define KVC_TOOLS_GPU_BUNDLE_ROOFLINE_H

#include <string>
#include <vector>

namespace kvc::bundle {

struct Point {
  std::string name;          // shown when pointed at
  std::string series;        // one colour each
  double intensity = 0;      // operations per byte
  double flopsPerSecond = 0; // 0: ran, but has no time
  bool ours = true;          // filled, else hollow
};

struct Roofline {
  std::string title;
  double bytesPerSecond = 0, flopsPerSecond = 0; // measured; 0: not
  std::vector<Point> points;

  /// Both axes logarithmic. A point without time is a tick on the lower edge,
  /// where its intensity is.
  std::string toSvg() const;
};

} // namespace kvc::bundle

#endif // KVC_TOOLS_GPU_BUNDLE_ROOFLINE_H
