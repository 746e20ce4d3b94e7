#pragma once

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "decode/decoder.h"

namespace weir {

/// "name type", "name type /pointer" or "name type header:X", for tests.
inline InputColumn column(const std::string& name, const std::string& type, const std::string& from = "") {
  return {.name = name,
          .type = *parse_column_type(type),
          .from = *parse_value_source(from.empty() ? "/" + name : from)};
}

inline InputColumn required(InputColumn column) {
  column.required = true;
  return column;
}

inline InputColumn with_default(InputColumn column, const std::string& json) {
  column.default_json = json;
  return column;
}

inline Plan plan_of(std::vector<InputColumn> input) {
  Plan plan;
  plan.table = "t";
  plan.input = std::move(input);
  return plan;
}

/// A decoder of shard 3 and the messages it is given, numbered from 101.
class Decoding {
 public:
  explicit Decoding(Plan plan) {
    Result<std::unique_ptr<Decoder>> made = Decoder::create(std::make_shared<const Plan>(std::move(plan)), 3);
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    if (made.ok()) decoder_ = *std::move(made);
  }

  DecodedBatch decode(const std::vector<Message>& messages) {
    Result<DecodedBatch> batch = decoder_->decode(messages);
    EXPECT_TRUE(batch.ok()) << batch.status().to_string();
    if (!batch.ok()) return {};
    EXPECT_TRUE(batch->rows->ValidateFull().ok()) << batch->rows->ValidateFull().ToString();
    EXPECT_EQ(batch->events, batch->rows->num_rows() + static_cast<int64_t>(batch->rejects.size()));
    return *std::move(batch);
  }

  /// Each payload in a heap block of exactly its size, so that AddressSanitizer sees a byte read behind it.
  DecodedBatch decode(const std::vector<std::string>& payloads) {
    std::vector<std::unique_ptr<char[]>> blocks;
    std::vector<Message> messages;
    for (const std::string& payload : payloads) {
      blocks.push_back(std::make_unique<char[]>(payload.size()));
      payload.copy(blocks.back().get(), payload.size());
      messages.push_back({.seq = Seq{101 + static_cast<int64_t>(messages.size())},
                          .time_us = 1'000,
                          .subject = "a.b.c",
                          .payload = {blocks.back().get(), payload.size()}});
    }
    return decode(messages);
  }

  DecodedBatch decode_one(const std::string& payload) { return decode(std::vector<std::string>{payload}); }

  Decoder& decoder() { return *decoder_; }

 private:
  std::unique_ptr<Decoder> decoder_;
};

/// The cell as Arrow prints it, "null" for NULL; or the code and pointer of the only reject, "wrong_type /a".
inline std::string cell(const DecodedBatch& batch, int column = 0, int64_t row = 0) {
  if (!batch.rejects.empty()) return batch.rejects[0].code + " " + batch.rejects[0].pointer;
  return (*batch.rows->column(column)->GetScalar(row))->ToString();
}

}  // namespace weir
