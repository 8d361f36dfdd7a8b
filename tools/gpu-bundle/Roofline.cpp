//===- Roofline.cpp - attained rates below what a machine can do ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Roofline.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace kvc::bundle {

namespace {
constexpr double kLeft = 70, kTop = 50, kWidth = 760, kHeight = 440;

template <typename... Values>
std::string print(const char *format, Values... values) {
  char text[600];
  snprintf(text, sizeof(text), format, values...);
  return text;
}

std::string escape(const std::string &text) {
  std::string out;
  for (char c : text)
    switch (c) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    default:
      out += c;
    }
  return out;
}

std::string label(double x, double y, const std::string &text,
                  const char *anchor = "middle") {
  return print("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y,
               anchor) +
         escape(text) + "</text>\n";
}

/// A logarithmic axis over whole decades.
struct Axis {
  Axis(std::vector<double> values, double origin, double extent)
      : origin(origin), extent(extent) {
    values.erase(std::remove_if(values.begin(), values.end(),
                                [](double v) { return !(v > 0); }),
                 values.end());
    if (values.empty())
      values = {1, 100};
    const auto [least, most] =
        std::minmax_element(values.begin(), values.end());
    first = int(std::floor(std::log10(*least)));
    last = std::max(int(std::ceil(std::log10(*most))), first + 1);
  }
  double operator()(double value) const {
    return origin + extent * (std::log10(value) - first) / (last - first);
  }
  double origin, extent;
  int first = 0, last = 1; // powers of ten
};
} // namespace

std::string Roofline::toSvg() const {
  std::vector<double> xs, ys;
  std::vector<std::string> series;
  bool timed = false;
  for (const Point &point : points) {
    xs.push_back(point.intensity);
    ys.push_back(point.flopsPerSecond * 1e-12);
    timed |= point.flopsPerSecond > 0;
    if (std::find(series.begin(), series.end(), point.series) == series.end())
      series.push_back(point.series);
  }
  const bool roofs = bytesPerSecond > 0 && flopsPerSecond > 0;
  const double ridge = roofs ? flopsPerSecond / bytesPerSecond : 0;
  xs.push_back(ridge);
  ys.push_back(flopsPerSecond * 1e-12);
  const Axis x(xs, kLeft, kWidth), y(ys, kTop + kHeight, -kHeight);
  const double bottom = kTop + kHeight, right = kLeft + kWidth;

  std::string out =
      print("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
            "height=\"%.0f\" font-family=\"sans-serif\" font-size=\"12\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
            right + 170, bottom + 60);
  out += label(kLeft + kWidth / 2, 24, "Attention on " + title);
  for (int power = x.first; power <= x.last; ++power) {
    const double at = x(std::pow(10, power));
    out += print("<path d=\"M%.1f %.1fV%.1f\" stroke=\"#ddd\"/>\n", at, kTop,
                 bottom);
    out += label(at, bottom + 18, print("%g", std::pow(10, power)));
  }
  for (int power = y.first; power <= y.last; ++power) {
    const double at = y(std::pow(10, power));
    out += print("<path d=\"M%.1f %.1fH%.1f\" stroke=\"#ddd\"/>\n", kLeft, at,
                 right);
    out += label(kLeft - 8, at + 4, print("%g", std::pow(10, power)), "end");
  }
  out += label(kLeft + kWidth / 2, bottom + 40, "operations per byte");
  out += label(kLeft, kTop - 10, "TFLOP/s");
  if (roofs) {
    // From where the slope enters the frame to the ridge, then level.
    const double enters = std::max(
        std::pow(10, x.first), std::pow(10, y.first) * 1e12 / bytesPerSecond);
    const double level = y(flopsPerSecond * 1e-12);
    out += print("<path class=\"roof\" d=\"M%.1f %.1fL%.1f %.1fH%.1f\" "
                 "fill=\"none\" stroke=\"black\" stroke-width=\"1.5\"/>\n",
                 x(enters), y(enters * bytesPerSecond * 1e-12), x(ridge), level,
                 right);
    out += label(right, level - 6,
                 print("bf16 matrices %.0f TFLOP/s, reads %.2f TB/s",
                       flopsPerSecond * 1e-12, bytesPerSecond * 1e-12),
                 "end");
  }
  if (!timed)
    out += label(kLeft + kWidth / 2, kTop + kHeight / 2,
                 "nothing was timed: ticks are the cells' intensities");
  static const char *const colours[] = {"#1f77b4", "#d62728", "#2ca02c",
                                        "#9467bd", "#ff7f0e", "#8c564b",
                                        "#e377c2", "#17becf", "#7f7f7f"};
  auto colourOf = [&](const std::string &name) {
    const auto at = std::find(series.begin(), series.end(), name);
    return colours[size_t(at - series.begin()) % std::size(colours)];
  };
  for (const Point &point : points) {
    if (!(point.intensity > 0))
      continue;
    const char *colour = colourOf(point.series);
    if (point.flopsPerSecond > 0)
      out += print("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" stroke=\"%s\" "
                   "fill=\"%s\">",
                   x(point.intensity), y(point.flopsPerSecond * 1e-12), colour,
                   point.ours ? colour : "white") +
             "<title>" + escape(point.name) +
             print(": %.2f TFLOP/s", point.flopsPerSecond * 1e-12) +
             "</title></circle>\n";
    else
      out += print("<path d=\"M%.1f %.1fv-12\" stroke=\"%s\" "
                   "stroke-width=\"2\">",
                   x(point.intensity), bottom, colour) +
             "<title>" + escape(point.name) + "</title></path>\n";
  }
  for (size_t i = 0; i < series.size(); ++i) {
    const double at = kTop + 16 + 18 * double(i);
    out += print("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>\n",
                 right + 18, at - 4, colourOf(series[i]));
    out += label(right + 28, at, series[i], "start");
  }
  return out + "</svg>\n";
}

} // namespace kvc::bundle
