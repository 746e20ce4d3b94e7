#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/table.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/query.h"
#include "tests/support/event_tables.h"

namespace weir::engine {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

class FileScanTest : public test::EventTables {
 protected:
  // The names in the given files of a snapshot, as often as they stand there.
  std::vector<std::string> names(const Snapshot& snapshot, const std::vector<std::string>& files,
                                 const std::string& condition = "true") {
    auto rows = query(*engine_, {{"t", &snapshot, files}}, "SELECT name FROM t WHERE " + condition);
    EXPECT_TRUE(rows.ok()) << rows.status().to_string();
    std::vector<std::string> found;
    if (!rows.ok()) return found;
    const auto table = (*rows)->ToTable().ValueOrDie();
    for (const auto& chunk : table->column(0)->chunks()) {
      for (int64_t i = 0; i < chunk->length(); ++i) found.push_back(chunk->GetScalar(i).ValueOrDie()->ToString());
    }
    return found;
  }

  static std::vector<std::string> paths(const Snapshot& snapshot) {
    const auto description = snapshot.describe(/*with_files=*/true);
    EXPECT_TRUE(description.ok()) << description.status().to_string();
    std::vector<std::string> paths;
    if (!description.ok()) return paths;
    for (const DataFile& file : description->data_files) paths.push_back(file.path);
    return paths;
  }
};

TEST_F(FileScanTest, AQueryOverSomeFilesSeesTheirRowsAndNoOthers) {
  const auto table = create("t", {.txns = {{"weir/t/0", 0}}});
  auto snapshot = append(*table, **table->snapshot(), 1, 2);
  const std::string first = paths(*snapshot).at(0);
  snapshot = append(*table, *snapshot, 3, 4);
  snapshot = append(*table, *snapshot, 5, 6);
  std::vector<std::string> others = paths(*snapshot);
  ASSERT_EQ(others.size(), 3U);
  std::erase(others, first);

  EXPECT_THAT(names(*snapshot, {first}), UnorderedElementsAre("e1", "e2"));
  EXPECT_THAT(names(*snapshot, {first, first}), UnorderedElementsAre("e1", "e2"));
  EXPECT_THAT(names(*snapshot, others), UnorderedElementsAre("e3", "e4", "e5", "e6"));
  EXPECT_THAT(names(*snapshot, others, "_seq >= 4 AND name <> 'e5'"), UnorderedElementsAre("e4", "e6"));
  EXPECT_THAT(names(*snapshot, {first}, "_seq > 2"), UnorderedElementsAre());
}

TEST_F(FileScanTest, NoFilesGiveNoRowsAndAFileThatIsNotThereIsNamed) {
  const auto table = create("t", {.txns = {{"weir/t/0", 0}}});
  const auto base = table->snapshot();
  const auto snapshot = append(*table, **base, 1, 2);
  EXPECT_THAT(names(*snapshot, {}), UnorderedElementsAre());
  EXPECT_THAT(names(**base, {}), UnorderedElementsAre());

  const std::string there = paths(*snapshot).at(0);
  const auto missing = query(*engine_, {{"t", snapshot.get(), {{there, "part-0.parquet"}}}}, "SELECT * FROM t");
  EXPECT_EQ(missing.status().code(), StatusCode::kNotFound) << missing.status().to_string();
  EXPECT_THAT(missing.status().to_string(), HasSubstr("part-0.parquet"));
  const auto too_old = query(*engine_, {{"t", base->get(), {{there}}}}, "SELECT * FROM t");
  EXPECT_EQ(too_old.status().code(), StatusCode::kNotFound) << too_old.status().to_string();
}

TEST_F(FileScanTest, PathsOfPartitionsAreFoundWhateverTheirValues) {
  const auto table = create("t", {.partition_columns = {"name"}});
  const std::vector<std::string> values = {"plain", "a b", "50%", "x/y:z", "k=v", "\u00e9\u4e16", "#?&+\\", "%20"};
  std::string names_json = "[";
  for (const std::string& value : values) names_json += (names_json.size() > 1 ? ",\"" : "\"") + value + "\"";
  for (size_t at = 0; (at = names_json.find('\\', at)) != std::string::npos; at += 2) names_json.insert(at, "\\");
  const auto batch =
      arrow::RecordBatch::Make(test::events_schema(), static_cast<int64_t>(values.size()),
                               {arrow::json::ArrayFromJSONString(arrow::utf8(), names_json + "]").ValueOrDie(),
                                arrow::json::ArrayFromJSONString(arrow::int64(), "[1,2,3,4,5,6,7,8]").ValueOrDie()});
  const auto files = table->write(test::events_schema(), {batch}, {});
  ASSERT_TRUE(files.ok()) << files.status().to_string();
  const auto snapshot = table->commit(**table->snapshot(), files->get(), {}, "");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status().to_string();

  std::vector<std::string> found;
  for (const std::string& path : paths(**snapshot)) {
    const auto rows = names(**snapshot, {path});
    EXPECT_EQ(rows.size(), 1U) << path;
    found.insert(found.end(), rows.begin(), rows.end());
  }
  EXPECT_THAT(found, testing::UnorderedElementsAreArray(values));
}

}  // namespace
}  // namespace weir::engine
