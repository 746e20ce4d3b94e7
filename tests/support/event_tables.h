#pragma once

#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "engine/delta_table.h"
#include "engine/engine.h"
#include "engine/query.h"
#include "tests/support/lake_folder.h"

namespace weir::test {

inline std::shared_ptr<arrow::Schema> events_schema() {
  return arrow::schema({arrow::field("name", arrow::utf8(), false), arrow::field("_seq", arrow::int64(), false)});
}

inline std::shared_ptr<arrow::RecordBatch> events(int64_t first, int64_t last) {
  std::string names = "[";
  std::string seqs = "[";
  for (int64_t seq = first; seq <= last; ++seq) {
    names += (seq > first ? ",\"e" : "\"e") + std::to_string(seq) + "\"";
    seqs += (seq > first ? "," : "") + std::to_string(seq);
  }
  return arrow::RecordBatch::Make(events_schema(), last - first + 1,
                                  {arrow::json::ArrayFromJSONString(arrow::utf8(), names + "]").ValueOrDie(),
                                   arrow::json::ArrayFromJSONString(arrow::int64(), seqs + "]").ValueOrDie()});
}

/// An engine and an empty lake for tables of events.
class EventTables : public testing::Test {
 protected:
  void SetUp() override {
    auto engine = engine::Engine::open({.worker_threads = 2});
    ASSERT_TRUE(engine.ok()) << engine.status().to_string();
    engine_ = std::move(engine).value();
  }

  std::string url(const std::string& table) const { return lake_.url() + "/" + table; }

  std::unique_ptr<engine::DeltaTable> create(const std::string& name, const engine::CreateOptions& options = {}) {
    auto table = engine::DeltaTable::create(*engine_, url(name), {}, *events_schema(), options);
    EXPECT_TRUE(table.ok()) << table.status().to_string();
    return table.ok() ? std::move(table).value() : nullptr;
  }

  // Commits events first..last as the position `weir/t/0` = last.
  std::unique_ptr<engine::Snapshot> append(engine::DeltaTable& table, const engine::Snapshot& base, int64_t first,
                                           int64_t last) {
    auto files = table.write(events_schema(), {events(first, last)}, {});
    EXPECT_TRUE(files.ok()) << files.status().to_string();
    if (!files.ok()) return nullptr;
    auto snapshot = table.commit(base, files->get(), {{"weir/t/0", last}}, R"({"weir":{"last_seq":1}})");
    EXPECT_TRUE(snapshot.ok()) << snapshot.status().to_string();
    return snapshot.ok() ? std::move(snapshot).value() : nullptr;
  }

  int64_t count(const engine::Snapshot& snapshot, const std::string& condition = "true") {
    auto rows = engine::query(*engine_, {{"t", &snapshot}}, "SELECT count(*) AS n FROM t WHERE " + condition);
    EXPECT_TRUE(rows.ok()) << rows.status().to_string();
    if (!rows.ok()) return -1;
    const auto table = (*rows)->ToTable().ValueOrDie();
    return static_cast<const arrow::Int64Array&>(*table->column(0)->chunk(0)).Value(0);
  }

  LakeFolder lake_;
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace weir::test
