#include "transform/sql_faults.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <set>

namespace weir::transform {
namespace {

std::shared_ptr<arrow::RecordBatch> numbers(int64_t count) {
  arrow::Int64Builder builder;
  for (int64_t i = 0; i < count; ++i) EXPECT_TRUE(builder.Append(i).ok());
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("n", arrow::int64())}), count,
                                  {builder.Finish().ValueOrDie()});
}

// SQL that fails on batches which hold one of the `bad` numbers, and returns others as they are.
struct FakeSql {
  std::set<int64_t> bad;
  int runs = 0;

  SqlRun run() {
    return [this](const std::shared_ptr<arrow::RecordBatch>& rows) -> Result<std::shared_ptr<arrow::RecordBatch>> {
      ++runs;
      const auto& column = static_cast<const arrow::Int64Array&>(*rows->column(0));
      for (int64_t i = 0; i < column.length(); ++i) {
        if (bad.contains(column.Value(i))) return rejected("cannot take " + std::to_string(column.Value(i)));
      }
      return rows;
    };
  }
};

std::vector<int64_t> values(const SqlOutcome& outcome) {
  std::vector<int64_t> all;
  for (const auto& part : outcome.passed) {
    const auto& column = static_cast<const arrow::Int64Array&>(*part->column(0));
    for (int64_t i = 0; i < column.length(); ++i) all.push_back(column.Value(i));
  }
  return all;
}

TEST(RunWithoutFaults, ABatchThatPassesIsRunOnceAndNotCopied) {
  FakeSql sql;
  const auto outcome = run_without_faults(sql.run(), numbers(100));
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(sql.runs, 1);
  EXPECT_EQ(values(*outcome).size(), 100U);
  EXPECT_TRUE(outcome->faults.empty());
}

TEST(RunWithoutFaults, OneRowAtFaultIsFoundInAboutLog2RunsAndTheOthersPassInOrder) {
  FakeSql sql{.bad = {617}};
  const auto outcome = run_without_faults(sql.run(), numbers(1'024));
  ASSERT_TRUE(outcome.ok());
  ASSERT_EQ(outcome->faults.size(), 1U);
  EXPECT_EQ(outcome->faults[0].index, 617);
  EXPECT_EQ(outcome->faults[0].reason, "cannot take 617");
  EXPECT_EQ(sql.runs, 21);
  const auto passed = values(*outcome);
  EXPECT_EQ(passed.size(), 1'023U);
  EXPECT_TRUE(std::is_sorted(passed.begin(), passed.end()));
}

TEST(RunWithoutFaults, EveryRowAtFaultIsNamedWhereverItStands) {
  FakeSql sql{.bad = {0, 6}};
  const auto outcome = run_without_faults(sql.run(), numbers(7));
  ASSERT_TRUE(outcome.ok());
  ASSERT_EQ(outcome->faults.size(), 2U);
  EXPECT_EQ(outcome->faults[0].index, 0);
  EXPECT_EQ(outcome->faults[1].index, 6);
  EXPECT_EQ(values(*outcome), (std::vector<int64_t>{1, 2, 3, 4, 5}));
}

TEST(RunWithoutFaults, NoRowsRunNothing) {
  FakeSql sql;
  const auto outcome = run_without_faults(sql.run(), numbers(0));
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(sql.runs, 0);
}

TEST(RunWithoutFaults, AnErrorOfTheSystemIsNotTheDatasFault) {
  const SqlRun broken = [](const auto&) -> Result<std::shared_ptr<arrow::RecordBatch>> {
    return resource_exhausted("no memory");
  };
  EXPECT_EQ(run_without_faults(broken, numbers(8)).status().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace weir::transform
