#include "lake/dead_letter_table.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <vector>

namespace weir::lake {
namespace {

Reject reject(int64_t seq) {
  Reject one;
  one.seq = Seq{seq};
  one.row = 2;
  one.time_us = 1'700'000'000'000'000;
  one.subject = "flights.aa";
  one.code = "invalid_json";
  one.pointer = "/fare";
  one.reason = "not a number";
  one.payload = std::string("{\xff\0", 3);
  one.headers = "Trace: 1\r\n";
  return one;
}

std::string text(const arrow::RecordBatch& batch, const char* column, int64_t row) {
  return std::string(static_cast<const arrow::BinaryArray&>(*batch.GetColumnByName(column)).GetView(row));
}

TEST(RejectBatch, CarriesEverythingThatIsNeededToMendAndReplay) {
  const Reject first = reject(7);
  const Reject second = reject(9);
  const std::vector<const Reject*> rejects{&first, &second};
  const auto batch = reject_batch("flights", 3, rejects);
  ASSERT_TRUE(batch.ok()) << batch.status().to_string();
  ASSERT_TRUE((*batch)->ValidateFull().ok());
  EXPECT_TRUE((*batch)->schema()->Equals(*dead_letter_schema()));
  ASSERT_EQ((*batch)->num_rows(), 2);
  EXPECT_EQ(text(**batch, "table", 1), "flights");
  EXPECT_EQ(static_cast<const arrow::Int64Array&>(*(*batch)->GetColumnByName("_seq")).Value(1), 9);
  EXPECT_EQ(static_cast<const arrow::Int32Array&>(*(*batch)->GetColumnByName("_shard")).Value(0), 3);
  EXPECT_EQ(text(**batch, "code", 0), "invalid_json");
  EXPECT_EQ(text(**batch, "payload", 0), first.payload);
  EXPECT_EQ(text(**batch, "headers", 0), first.headers);
}

TEST(RejectBatch, TextThatIsNotUtf8IsMadeReadableAndBytesStayBytes) {
  Reject broken = reject(7);
  broken.subject =
      "a\xff"
      "b\xc3\xa9\xe2\x82";
  broken.pointer = "\xed\xa0\x80";       // a surrogate
  broken.reason = "\xf4\x90\x80\x80ok";  // above U+10FFFF
  broken.headers = "\xc0\xaf";
  const std::vector<const Reject*> rejects{&broken};
  const auto batch = reject_batch("flights", 0, rejects);
  ASSERT_TRUE(batch.ok());
  ASSERT_TRUE((*batch)->ValidateFull().ok()) << (*batch)->ValidateFull().ToString();
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(text(**batch, "_subject", 0), "a" + bad + "b\xc3\xa9" + bad + bad);
  EXPECT_EQ(text(**batch, "pointer", 0), bad + bad + bad);
  EXPECT_EQ(text(**batch, "reason", 0), bad + bad + bad + bad + "ok");
  EXPECT_EQ(text(**batch, "headers", 0), broken.headers);
}

TEST(RejectBatch, NoRejectsAreNoRows) {
  const auto batch = reject_batch("flights", 0, {});
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ((*batch)->num_rows(), 0);
}

}  // namespace
}  // namespace weir::lake
