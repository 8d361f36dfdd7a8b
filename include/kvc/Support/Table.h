//===- Table.h - text in aligned columns ------------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every --explain prints. The first row holds the names of the columns.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_SUPPORT_TABLE_H
#define KVC_SUPPORT_TABLE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <vector>

namespace kvc {

using TableRow = std::vector<std::string>;

/// Prints `title` and `rows` in columns as wide as their widest cell; nothing
/// when there is no row but the names. All rows have as many cells.
void printTable(llvm::raw_ostream &os, llvm::StringRef title,
                const std::vector<TableRow> &rows);

} // namespace kvc

#endif // KVC_SUPPORT_TABLE_H
