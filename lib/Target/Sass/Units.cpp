//===- Units.cpp - opcodes by what executes them --------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names: CUDA binary utilities, "instruction set reference", and what ptxas 13
// emits for sm_80 to sm_120.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/Sass/Evidence.h"

#include "llvm/ADT/StringSwitch.h"

using llvm::StringRef;

namespace kvc::sass {

StringRef nameOf(Unit unit) {
  static constexpr StringRef names[kNumUnits] = {
      "tensor", "fma",    "special",  "convert", "integer", "shared",
      "copy",   "global", "constant", "lanes",   "control"};
  return names[unsigned(unit)];
}

static std::optional<Unit> lookUp(StringRef root) {
  return llvm::StringSwitch<std::optional<Unit>>(root)
      .Cases({"HMMA", "IMMA", "BMMA", "DMMA", "QMMA", "OMMA", "HGMMA", "IGMMA",
              "BGMMA", "QGMMA"},
             Unit::tensor)
      .Cases({"FFMA", "FMUL", "FADD", "FFMA2", "FMUL2", "FADD2", "HFMA2",
              "HMUL2", "HADD2", "DFMA", "DMUL", "DADD", "DSETP", "UFFMA",
              "UFMUL", "UFADD"},
             Unit::fma)
      .Case("MUFU", Unit::special)
      .Cases({"F2F", "F2FP", "F2I", "F2IP", "I2F", "I2FP", "I2I", "I2IP",
              "FRND", "UF2FP", "UI2F", "UI2FP", "UF2I"},
             Unit::convert)
      .Cases({"LDS", "LDSM", "STS", "STSM", "ATOMS"}, Unit::shared)
      .Cases({"LDGSTS", "LDGDEPBAR", "UBLKCP", "UTMALDG"}, Unit::copy)
      .Cases({"LDG", "STG", "LD", "ST", "LDL", "STL", "ATOM", "ATOMG", "RED",
              "REDG"},
             Unit::global)
      .Cases({"LDC", "LDCU", "ULDC"}, Unit::constant)
      .Cases({"SHFL", "VOTE", "VOTEU", "REDUX", "CREDUX", "MATCH", "ELECT"},
             Unit::lanes)
      .Cases({"BRA",    "JMP",       "EXIT",    "RET",          "KILL",
              "CALL",   "BSSY",      "BRX",     "BRXU",         "JMX",
              "JMXU",   "BSYNC",     "BREAK",   "BMOV",         "WARPSYNC",
              "YIELD",  "NOP",       "BAR",     "DEPBAR",       "MEMBAR",
              "ERRBAR", "CGAERRBAR", "CCTL",    "NANOSLEEP",    "SYNCS",
              "FENCE",  "ACQBULK",   "PREEXIT", "ENDCOLLECTIVE"},
             Unit::control)
      .Cases(
          {"IMAD",     "IADD",   "IADD3",  "IABS",    "IMNMX",     "IDP",
           "ISETP",    "VIADD",  "VIMNMX", "VIMNMX3", "VHMNMX",    "VIADDMNMX",
           "VABSDIFF", "LEA",    "LOP3",   "SHF",     "PRMT",      "SGXT",
           "BMSK",     "BREV",   "FLO",    "POPC",    "SEL",       "MOV",
           "CS2R",     "S2R",    "S2UR",   "R2UR",    "R2P",       "P2R",
           "PLOP3",    "FSEL",   "FSETP",  "FSET",    "FMNMX",     "FMNMX3",
           "FCHK",     "HSETP2", "HSET2",  "HMNMX2",  "UIADD3",    "UIMAD",
           "UISETP",   "ULEA",   "ULOP3",  "USHF",    "UPRMT",     "UMOV",
           "USEL",     "UFLO",   "UPOPC",  "UBREV",   "UBMSK",     "USGXT",
           "UPLOP3",   "UP2UR",  "UR2UP",  "CS2UR",   "UVIADD",    "UVIMNMX",
           "UFSETP",   "UFSEL",  "UIABS",  "UIADD",   "UVIADDMNMX"},
          Unit::integer)
      .Default(std::nullopt);
}

llvm::Expected<Unit> unitOf(const Instruction &instruction) {
  std::optional<Unit> unit = lookUp(instruction.root());
  if (!unit)
    return llvm::createStringError(
        "expected a known opcode, got `" + instruction.opcode + "` in line " +
        llvm::Twine(instruction.line) +
        " of the disassembly; lib/Target/Sass/Units.cpp lists them");
  // Never done, and yet issued.
  return instruction.predicate == "!PT" ? Unit::control : *unit;
}

} // namespace kvc::sass
