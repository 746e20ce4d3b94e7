#include "backfill/file_csv_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::backfill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> values(const CsvRecord& record) {
  std::vector<std::string> values;
  std::string scratch;
  for (const CsvField& field : record.fields) values.emplace_back(csv_value(field, &scratch));
  return values;
}

// The values of the record at the beginning of a file `text`, and how long it is.
std::vector<std::string> scanned(const std::string& text, size_t* bytes = nullptr) {
  CsvRecord record;
  std::string fault;
  EXPECT_EQ(scan_csv_record(text, true, &record, &fault), CsvScan::kRecord) << fault;
  if (bytes != nullptr) *bytes = record.bytes;
  return values(record);
}

std::string fault_of(const std::string& text) {
  CsvRecord record;
  std::string fault;
  EXPECT_EQ(scan_csv_record(text, true, &record, &fault), CsvScan::kBroken);
  return fault;
}

TEST(CsvRecord, EndsAtALineEndOrAtTheEndOfTheFile) {
  size_t bytes = 0;
  EXPECT_THAT(scanned("a,b\nc", &bytes), ElementsAre("a", "b"));
  EXPECT_EQ(bytes, 4U);
  EXPECT_THAT(scanned("a,b\r\nc", &bytes), ElementsAre("a", "b"));
  EXPECT_EQ(bytes, 5U);
  EXPECT_THAT(scanned("a,b", &bytes), ElementsAre("a", "b"));
  EXPECT_EQ(bytes, 3U);
  EXPECT_THAT(scanned("a,b\r"), ElementsAre("a", "b"));
  EXPECT_THAT(scanned("\"a\"\r"), ElementsAre("a"));
}

TEST(CsvRecord, HasEmptyFieldsWhereCommasStandAlone) {
  EXPECT_THAT(scanned(",,\n"), ElementsAre("", "", ""));
  EXPECT_THAT(scanned("a,"), ElementsAre("a", ""));
  EXPECT_THAT(scanned("\"\",x\n"), ElementsAre("", "x"));
}

TEST(CsvRecord, HoldsCommasQuotesAndLineEndsInsideOfQuotes) {
  size_t bytes = 0;
  EXPECT_THAT(scanned("\"a,\"\"b\"\"\r\nc\n\",d\ne", &bytes), ElementsAre("a,\"b\"\r\nc\n", "d"));
  EXPECT_EQ(bytes, 16U);
  EXPECT_THAT(scanned("\"\"\"\"\n"), ElementsAre("\""));
}

TEST(CsvRecord, KeepsALoneCarriageReturnAndWhiteSpace) {
  EXPECT_THAT(scanned(" a\rb ,c\n"), ElementsAre(" a\rb ", "c"));
}

TEST(CsvRecord, IsBrokenByAQuoteInTheWrongPlace) {
  EXPECT_THAT(fault_of("a,b\"c\n"), HasSubstr("field 2: a quote stands inside"));
  EXPECT_THAT(fault_of("\"a\"b,c\n"), HasSubstr("field 1: something stands between"));
  EXPECT_THAT(fault_of("\"a\"\rb\n"), HasSubstr("field 1"));
  EXPECT_THAT(fault_of("a,\"b\nc\n"), HasSubstr("field 2: a quoted field is not closed"));
}

TEST(CsvRecord, NeverDecidesBeforeItHasSeenEnough) {
  const std::string text = "a,\"b\"\"\r\nc\",\"d\"\r\n";
  CsvRecord record;
  std::string fault;
  for (size_t length = 1; length < text.size(); ++length) {
    EXPECT_EQ(scan_csv_record(text.substr(0, length), false, &record, &fault), CsvScan::kNeedMore) << length;
  }
  EXPECT_EQ(scan_csv_record(text, false, &record, &fault), CsvScan::kRecord);
  EXPECT_THAT(values(record), ElementsAre("a", "b\"\r\nc", "d"));
}

}  // namespace
}  // namespace weir::backfill
