#include "lake/windowed_reader.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace weir::lake {
namespace {

const std::shared_ptr<arrow::Schema>& seq_schema() {
  static const auto schema = arrow::schema({arrow::field("_seq", arrow::int64(), false)});
  return schema;
}

// A table that holds one 8-byte row at each of its sequences and remembers what it was asked.
struct Sequences {
  std::set<int64_t> present;
  std::vector<SeqRange> windows;
  int jumps = 0;
  bool fail = false;

  WindowQueries queries() {
    return {.rows = [this](SeqRange window) -> Result<std::shared_ptr<arrow::RecordBatchReader>> {
              if (fail) return unavailable("the store is away");
              windows.push_back(window);
              arrow::Int64Builder builder;
              for (auto it = present.lower_bound(window.first.value); it != present.end() && *it <= window.last.value;
                   ++it) {
                EXPECT_TRUE(builder.Append(*it).ok());
              }
              const auto rows = builder.Finish().ValueOrDie();
              return arrow::RecordBatchReader::Make({arrow::RecordBatch::Make(seq_schema(), rows->length(), {rows})},
                                                    seq_schema())
                  .ValueOrDie();
            },
            .first_seq = [this](SeqRange rest) -> Result<std::optional<Seq>> {
              ++jumps;
              const auto it = present.lower_bound(rest.first.value);
              if (it == present.end() || *it > rest.last.value) return std::optional<Seq>();
              return std::optional(Seq{*it});
            }};
  }
};

std::vector<int64_t> read_all(WindowedReader& reader) {
  std::vector<int64_t> seqs;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (reader.ReadNext(&batch).ok() && batch != nullptr) {
    const auto& column = static_cast<const arrow::Int64Array&>(*batch->column(0));
    for (int64_t i = 0; i < column.length(); ++i) seqs.push_back(column.Value(i));
  }
  return seqs;
}

TEST(WindowedReader, ReadsEveryRowOfTheRangeOnceAndInOrder) {
  Sequences table;
  for (int64_t seq = 1; seq <= 1'000; ++seq) table.present.insert(seq);
  WindowedReader reader(seq_schema(), {Seq{11}, Seq{990}}, table.queries(), {.sequences_first = 7});
  const auto seqs = read_all(reader);
  ASSERT_EQ(seqs.size(), 980U);
  EXPECT_EQ(seqs.front(), 11);
  EXPECT_EQ(seqs.back(), 990);
  EXPECT_TRUE(std::is_sorted(seqs.begin(), seqs.end()));
}

TEST(WindowedReader, WindowsGrowWhileTheyHoldLittleAndShrinkToTheTarget) {
  Sequences table;
  for (int64_t seq = 1; seq <= 10'000; ++seq) table.present.insert(seq);
  WindowedReader reader(seq_schema(), {Seq{1}, Seq{10'000}}, table.queries(),
                        {.sequences_first = 10, .sequences_max = 1'000, .bytes_target = 800});
  EXPECT_EQ(read_all(reader).size(), 10'000U);
  EXPECT_EQ(table.windows[1].length(), 20);
  for (const SeqRange& window : table.windows) EXPECT_LE(window.length(), 160);

  Sequences dense;
  for (int64_t seq = 1; seq <= 10'000; ++seq) dense.present.insert(seq);
  WindowedReader large(seq_schema(), {Seq{1}, Seq{10'000}}, dense.queries(),
                       {.sequences_first = 5'000, .sequences_max = 5'000, .bytes_target = 800});
  EXPECT_EQ(read_all(large).size(), 10'000U);
  EXPECT_EQ(dense.windows[1].length(), 100);
}

TEST(WindowedReader, AnEmptyStretchIsJumpedOverHoweverLongItIs) {
  Sequences table;
  table.present = {5, 1'000'000'000'000, 1'000'000'000'001};
  WindowedReader reader(seq_schema(), {Seq{1}, Seq{2'000'000'000'000}}, table.queries(), {.sequences_first = 10});
  EXPECT_EQ(read_all(reader), (std::vector<int64_t>{5, 1'000'000'000'000, 1'000'000'000'001}));
  EXPECT_LE(table.windows.size(), 5U);
  EXPECT_LE(table.jumps, 2);
}

TEST(WindowedReader, AnEmptyRangeHasNoRowsAndAsksNothing) {
  Sequences table;
  WindowedReader reader(seq_schema(), {Seq{5}, Seq{4}}, table.queries(), {});
  EXPECT_TRUE(read_all(reader).empty());
  EXPECT_TRUE(table.windows.empty());
}

TEST(WindowedReader, AnErrorOfTheStoreIsTheReadersError) {
  Sequences table;
  table.fail = true;
  WindowedReader reader(seq_schema(), {Seq{1}, Seq{4}}, table.queries(), {});
  std::shared_ptr<arrow::RecordBatch> batch;
  const auto status = reader.ReadNext(&batch);
  EXPECT_TRUE(status.IsIOError());
  EXPECT_NE(status.message().find("the store is away"), std::string::npos);
}

}  // namespace
}  // namespace weir::lake
