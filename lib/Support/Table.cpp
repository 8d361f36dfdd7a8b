//===- Table.cpp - text in aligned columns --------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: no line ends in blanks, so that a table can stand in a test.
//
//===----------------------------------------------------------------------===//

#include "kvc/Support/Table.h"

#include "llvm/ADT/STLExtras.h"
#include <algorithm>

void kvc::printTable(llvm::raw_ostream &os, llvm::StringRef title,
                     const std::vector<TableRow> &rows) {
  if (rows.size() < 2)
    return;
  std::vector<size_t> widths(rows[0].size());
  for (const TableRow &row : rows)
    for (auto [width, cell] : llvm::zip_equal(widths, row))
      width = std::max(width, cell.size());
  os << title << "\n";
  for (const TableRow &row : rows) {
    std::string line;
    for (auto [cell, width] : llvm::zip_equal(row, widths)) {
      line += "  " + cell;
      line.append(width - cell.size(), ' ');
    }
    os << llvm::StringRef(line).rtrim() << "\n";
  }
  os << "\n";
}
