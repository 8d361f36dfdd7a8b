//===- safetensors_test.cpp - weights files, good and bad -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "files.h"

#include "kvcrt/safetensors.h"

#include <vector>

using namespace kvcrt_test;

namespace {

/// A file with that header and `dataSize` bytes 0, 1, 2, ...
std::string makeFile(const std::string &header, size_t dataSize) {
  const uint64_t size = header.size();
  std::string file(reinterpret_cast<const char *>(&size), 8);
  file += header;
  for (size_t i = 0; i < dataSize; ++i)
    file += static_cast<char>(i);
  return file;
}

kvcrt_status openBytes(const std::string &bytes, std::string *message = nullptr,
                       kvcrt_safetensors **out = nullptr) {
  TemporaryFile file(bytes);
  kvcrt_safetensors *opened = nullptr;
  char text[500] = "";
  const kvcrt_status status =
      kvcrt_safetensors_open(file.path(), &opened, text, sizeof(text));
  if (message)
    *message = std::string(text).find(file.path()) == 0
                   ? std::string(text).substr(strlen(file.path()) + 2)
                   : text;
  if (out)
    *out = opened;
  else
    kvcrt_safetensors_close(opened);
  return status;
}

const char kTwo[] =
    "{\"__metadata__\":{\"seed\":\"7\"},"
    "\"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[12,20]},"
    "\"a\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[0,12]}}";

TEST(Safetensors, ReadsTensorsInTheOrderOfTheirData) {
  kvcrt_safetensors *file = nullptr;
  std::string message;
  ASSERT_EQ(openBytes(makeFile(kTwo, 20), &message, &file), KVCRT_OK)
      << message;
  ASSERT_EQ(kvcrt_safetensors_count(file), 2);
  kvcrt_safetensor t;
  ASSERT_EQ(kvcrt_safetensors_get(file, 0, &t), KVCRT_OK);
  EXPECT_STREQ(t.name, "a");
  EXPECT_EQ(t.dtype, KVCRT_DTYPE_F16);
  EXPECT_EQ(t.rank, 2);
  EXPECT_EQ(t.shape[1], 3);
  EXPECT_EQ(t.bytes, 12u);
  ASSERT_EQ(kvcrt_safetensors_find(file, "b", &t), KVCRT_OK);
  EXPECT_EQ(static_cast<const uint8_t *>(t.data)[0], 12);
  EXPECT_EQ(kvcrt_safetensors_find(file, "c", &t), KVCRT_NOT_FOUND);
  EXPECT_EQ(kvcrt_safetensors_get(file, 2, &t), KVCRT_INVALID_ARGUMENT);
  EXPECT_STREQ(kvcrt_safetensors_metadata(file, "seed"), "7");
  EXPECT_EQ(kvcrt_safetensors_metadata(file, "b"), nullptr);
  kvcrt_safetensors_close(file);
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const std::string whole = makeFile(kTwo, 20);
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(openBytes(whole.substr(0, size)), KVCRT_CORRUPT) << size;
  EXPECT_EQ(openBytes(whole + "x"), KVCRT_CORRUPT);
}

struct Bad {
  const char *header;
  size_t data;
  kvcrt_status status;
  const char *message; // how it begins
};

TEST(Safetensors, SaysWhatIsWrong) {
  const Bad cases[] = {
      {"[]", 0, KVCRT_CORRUPT, "expected a JSON object of 2 bytes at byte 8"},
      {"{\"a\":1}", 0, KVCRT_CORRUPT, "tensor `a`: the document: expected an "},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 0, KVCRT_CORRUPT,
       "tensor `a`: data_offsets: expected an array, got nothing"},
      {"{\"a\":{\"dtype\":\"Q4\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
       KVCRT_UNSUPPORTED, "tensor `a`: unknown type `Q4`"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
       KVCRT_CORRUPT, "tensor `a`: expected 8 bytes for its shape and type, "},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4,
       KVCRT_CORRUPT, "tensor `a`: shape: expected natural numbers"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,5]}}", 4,
       KVCRT_CORRUPT, "tensor `a`: data_offsets: expected begin <= end <= 4"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,0]}}", 4,
       KVCRT_CORRUPT, "tensor `a`: data_offsets: expected begin <= end <= 4"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}", 4,
       KVCRT_CORRUPT,
       "tensor `a`: expected data at byte 0, got 2; tensors "
       "leave a hole"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
       "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}",
       4, KVCRT_CORRUPT,
       "tensor `b`: expected data at byte 3, got 2; tensors "
       "overlap"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
       "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
       1, KVCRT_CORRUPT, "`a` stands twice in the header"},
      // 2^32 x 2^32 bytes wrap to 0
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296],"
       "\"data_offsets\":[0,0]}}",
       0, KVCRT_CORRUPT, "tensor `a`: expected "},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],"
       "\"data_offsets\":[0,1]}}",
       1, KVCRT_UNSUPPORTED, "tensor `a`: expected at most 8 dimensions"},
  };
  for (const Bad &bad : cases) {
    std::string message;
    EXPECT_EQ(openBytes(makeFile(bad.header, bad.data), &message), bad.status)
        << bad.header;
    EXPECT_EQ(message.substr(0, strlen(bad.message)), bad.message);
  }
}

TEST(Safetensors, HugeHeadersAreRefusedBeforeTheyAreRead) {
  std::string file = makeFile("{}", 0);
  store<uint64_t>(file, 0, UINT64_MAX);
  EXPECT_EQ(openBytes(file), KVCRT_CORRUPT);
  store<uint64_t>(file, 0, 100000001);
  EXPECT_EQ(openBytes(file), KVCRT_CORRUPT);
}

TEST(Safetensors, FlippedHeaderBytesNeverCrash) {
  const std::string whole = makeFile(kTwo, 20);
  for (size_t at = 0; at < whole.size() - 20; ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      openBytes(flipped); // any status will do
    }
}

TEST(Safetensors, WriteThenRead) {
  const float floats[6] = {1, 2, 3, 4, 5, 6};
  const uint16_t halves[1] = {0x3c00};
  kvcrt_safetensor tensors[2] = {};
  tensors[0].name = "layer.0.weight";
  tensors[0].dtype = KVCRT_DTYPE_F32;
  tensors[0].rank = 2;
  tensors[0].shape[0] = 2;
  tensors[0].shape[1] = 3;
  tensors[0].data = floats;
  tensors[0].bytes = sizeof(floats);
  tensors[1].name = "scalar";
  tensors[1].dtype = KVCRT_DTYPE_BF16;
  tensors[1].data = halves;
  tensors[1].bytes = 2;
  const char *metadata[] = {"seed", "11"};
  TemporaryFile file;
  char text[300] = "";
  ASSERT_EQ(kvcrt_safetensors_write(file.path(), tensors, 2, metadata, 1, text,
                                    sizeof(text)),
            KVCRT_OK)
      << text;
  const std::string bytes = readAll(file.path());
  const uint64_t headerSize = load<uint64_t>(bytes, 0);
  EXPECT_EQ((8 + headerSize) % 64, 0u);
  EXPECT_EQ(bytes.size(), 8 + headerSize + sizeof(floats) + 2);
  kvcrt_safetensors *opened = nullptr;
  ASSERT_EQ(kvcrt_safetensors_open(file.path(), &opened, text, sizeof(text)),
            KVCRT_OK)
      << text;
  kvcrt_safetensor t;
  ASSERT_EQ(kvcrt_safetensors_find(opened, "layer.0.weight", &t), KVCRT_OK);
  EXPECT_EQ(memcmp(t.data, floats, sizeof(floats)), 0);
  ASSERT_EQ(kvcrt_safetensors_find(opened, "scalar", &t), KVCRT_OK);
  EXPECT_EQ(t.rank, 0);
  EXPECT_STREQ(kvcrt_safetensors_metadata(opened, "seed"), "11");
  kvcrt_safetensors_close(opened);

  tensors[1].name = "layer.0.weight";
  EXPECT_EQ(kvcrt_safetensors_write(file.path(), tensors, 2, nullptr, 0, text,
                                    sizeof(text)),
            KVCRT_INVALID_ARGUMENT);
  tensors[1].name = "scalar";
  tensors[1].bytes = 4;
  EXPECT_EQ(kvcrt_safetensors_write(file.path(), tensors, 2, nullptr, 0, text,
                                    sizeof(text)),
            KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(readAll(file.path()), bytes); // the old file stays
}

TEST(Safetensors, MissingFile) {
  kvcrt_safetensors *file = nullptr;
  char text[300] = "";
  EXPECT_EQ(
      kvcrt_safetensors_open("no/such.safetensors", &file, text, sizeof(text)),
      KVCRT_NOT_FOUND);
  EXPECT_STREQ(text,
               "cannot open `no/such.safetensors`: No such file or directory");
  EXPECT_EQ(kvcrt_safetensors_open(".", &file, text, sizeof(text)),
            KVCRT_IO_ERROR);
}

} // namespace
