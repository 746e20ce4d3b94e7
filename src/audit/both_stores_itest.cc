// Both stores hash the same rows to the same numbers, whatever the type: written through the real path into both.
#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/comparison.h"
#include "audit/hot_rows.h"
#include "audit/lake_rows.h"
#include "base/clock.h"
#include "clickhouse/ddl.h"
#include "clickhouse/hot_table.h"
#include "lake/delta_lake_table.h"
#include "tests/support/clickhouse_server.h"
#include "tests/support/lake_folder.h"

namespace weir::audit {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// One column of every type a plan can have, and the JSON of four values of it at the edges.
struct TypedValues {
  const char* name;
  const char* type;
  bool nullable;
  const char* values;
};

constexpr TypedValues kEveryType[] = {
    {"a_bool", "bool", true, "true, null, false, true"},
    {"required_bool", "bool", false, "true, false, false, true"},
    {"an_int8", "int8", true, "-128, null, 127, 0"},
    {"an_int16", "int16", true, "-32768, null, 32767, -1"},
    {"an_int32", "int32", true, "-2147483648, null, 2147483647, 0"},
    {"an_int64", "int64", true, "-9223372036854775808, null, 9223372036854775807, 0"},
    {"required_int64", "int64", false, "-9223372036854775808, -1, 9223372036854775807, 0"},
    {"a_uint8", "uint8", true, "0, null, 255, 1"},
    {"a_uint16", "uint16", true, "0, null, 65535, 1"},
    {"a_uint32", "uint32", true, "0, null, 4294967295, 2147483648"},
    {"a_uint64", "uint64", true, "0, null, 18446744073709551615, 9223372036854775808"},
    {"required_uint64", "uint64", false, "0, 1, 18446744073709551615, 9223372036854775808"},
    {"a_float32", "float32", true, "-1.5, null, 3.4028235e38, -0.0"},
    {"b_float32", "float32", true, "NaN, -NaN, Inf, 1.1"},
    {"a_float64", "float64", true, "-1.7976931348623157e308, null, 5e-324, -0.0"},
    {"b_float64", "float64", false, "NaN, -Inf, Inf, 0.1"},
    {"a_string", "string", true, R"("", null, "a string of more than twelve bytes: é ⛵", "N;")"},
    {"required_string", "string", false, R"("", "\u0000\\'\"\n", "ü", "3:abc;")"},
    {"a_binary", "binary", true, R"("", null, "bytes", "\u0000\u0001")"},
    {"a_date", "date", true, "0, null, 20000, -25567"},
    {"a_timestamp", "timestamp", true, "0, null, 1700000000123456, -1"},
    {"a_decimal9", "decimal(9,2)", true, R"("-1.25", null, "9999999.99", "0.00")"},
    {"a_decimal18", "decimal(18,6)", false, R"("-0.000001", "0.000000", "999999999999.999999", "1.000000")"},
    {"a_decimal", "decimal(38,10)", true,
     R"("-1.0000000001", null, "9999999999999999999999999999.9999999999", "-9999999999999999999999999999.9999999999")"},
    {"a_whole_decimal", "decimal(20,0)", true, R"("-99999999999999999999", null, "99999999999999999999", "0")"},
    {"a_uuid", "uuid", true,
     R"("6f9619ff-8b86-d011-b42d-00c04fc964ff", null, "00000000-0000-0000-0000-000000000000", "6F9619FF-8B86-D011-B42D-00C04FC964FF")"},
    {"a_json", "json", true, R"("{\"a\":1}", null, "[]", "\"\"")"},
    {"a_list", "list<uint8>", false, "[0, 255], [], [1], [7, 7, 7]"},
    {"a_list_of_strings", "list<string>", false, R"([""], [], ["a", "é"], ["", ""])"},
    {"a_list_of_lists", "list<list<float64>>", false, "[[]], [], [[1.5], [-0.0, NaN]], [[], []]"},
    {"a_struct", "struct<n:uint64,s:string>", false,
     R"({"n": 18446744073709551615, "s": "x"}, {"n": 0, "s": ""}, {"n": 1, "s": "y"}, {"n": 2, "s": "1:1;"})"},
    {"a_nested", "list<struct<n:uint16,d:decimal(12,3),t:timestamp,tags:list<string>>>", false,
     R"([{"n": 65535, "d": "-0.125", "t": -1, "tags": ["a", "b"]}, {"n": 0, "d": "0.000", "t": 0, "tags": []}], [],
        [{"n": 1, "d": "999999999.999", "t": 1700000000123456, "tags": ["c"]}], [{"n": 2, "d": "1.000", "t": 1, "tags": [""]}])"},
    {"place", "string", false, R"("a b/é=%", "plain", "plain", "it's")"},
    {"day", "date", false, "-1, 1, 20000, 1"},
};

Plan every_type_plan() {
  Plan plan;
  plan.table = "everything";
  for (const TypedValues& column : kEveryType) {
    plan.rows.push_back({.name = column.name, .type = *parse_column_type(column.type), .nullable = column.nullable});
  }
  plan.partition_by = {"day", "place"};
  plan.order_by = {"required_string"};
  return plan;
}

std::shared_ptr<arrow::Array> array(const std::shared_ptr<arrow::DataType>& type, const std::string& json) {
  return arrow::json::ArrayFromJSONString(type, "[" + json + "]").ValueOrDie();
}

std::shared_ptr<arrow::RecordBatch> every_type_rows() {
  const auto schema = row_arrow_schema(every_type_plan());
  arrow::ArrayVector columns;
  for (const TypedValues& column : kEveryType) {
    columns.push_back(array(schema->GetFieldByName(column.name)->type(), column.values));
  }
  columns.push_back(array(arrow::int32(), "0, 0, 0, 0"));
  columns.push_back(array(arrow::int64(), "1, 2, 2, 70000"));
  columns.push_back(array(arrow::int32(), "0, 0, 1, 0"));
  columns.push_back(array(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                          "1700000000123456, 1700000000123457, 1700000000123457, 1800000000000000"));
  columns.push_back(array(arrow::utf8(), R"("a.b", "a.c", "a.c", "ü")"));
  return arrow::RecordBatch::Make(schema, 4, std::move(columns));
}

class BothStores : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<test::ClickHouseServer>(); }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    engine_ = engine::Engine::open({.worker_threads = 2}).value();
    client_ = clickhouse::Client::open(server_->options()).value();
    lake::LakeOptions options;
    options.url = lake_.url();
    auto table = lake::DeltaLakeTable::open_or_create(*engine_, options,
                                                      lake::rows_definition(plan_, {.pipeline = "p", .stream = "S"}, Seq{1}));
    ASSERT_TRUE(table.ok()) << table.status().to_string();
    lake_table_ = std::move(table).value();
    ASSERT_TRUE(clickhouse::drop_table(*client_, plan_.table).ok());
    auto hot = clickhouse::ClickHouseHotTable::open(*client_, system_clock(), plan_, {.pipeline = "p"});
    ASSERT_TRUE(hot.ok()) << hot.status().to_string();
    hot_table_ = std::move(hot).value();
    const auto ensured = hot_table_->ensure();
    ASSERT_TRUE(ensured.ok()) << ensured.status().to_string();
    ASSERT_TRUE(hot_table_->raise_fence(live_writer(0), Epoch{++epoch_}).ok());
  }

  void write_both() {
    const auto rows = every_type_rows();
    const auto base = lake_table_->snapshot();
    const auto files = lake_table_->write_files({rows});
    ASSERT_TRUE(files.ok()) << files.status().to_string();
    const auto committed = lake_table_->commit(**base, files->get(), {{"weir/everything/0", 70'000}}, "{}");
    ASSERT_TRUE(committed.ok()) << committed.status().to_string();
    snapshot_ = *committed;
    const auto parts = hot_table_->split_by_partition(rows);
    ASSERT_TRUE(parts.ok()) << parts.status().to_string();
    for (size_t i = 0; i < parts->size(); ++i) {
      const Status inserted = hot_table_->insert({.rows = (*parts)[i],
                                                  .token = "t" + std::to_string(i),
                                                  .writer = live_writer(0),
                                                  .epoch = Epoch{epoch_}});
      ASSERT_TRUE(inserted.ok()) << inserted.to_string();
    }
  }

  LakeRows lake_rows() const {
    return {LakeQuery(*engine_, {.name = "rows", .snapshot = lake::engine_snapshot(*snapshot_)}),
            hashed_columns_sql(plan_)};
  }

  HotRows hot_rows() const {
    const auto state = clickhouse::table_state(*client_, plan_.table);
    return HotRows::open(*client_, plan_, **state).value();
  }

  std::vector<std::string> compare() {
    LakeRows lake = lake_rows();
    HotRows hot = hot_rows();
    const IdentitySet none;
    FindingLog log("everything");
    Comparison comparison(lake, hot, none, none, {.columns = hashed_column_names(plan_), .bucket_sequences_min = 1'000},
                          log);
    const auto totals = comparison.run({.shard = 0, .seqs = {Seq{1}, Seq{70'000}}}, true);
    EXPECT_TRUE(totals.ok()) << totals.status().to_string();
    EXPECT_EQ(totals.ok() ? totals->reference_rows : -1, 4);
    std::vector<std::string> found;
    for (const Finding& finding : log.findings()) found.push_back(describe(finding));
    return found;
  }

  void sql(const std::string& text) {
    const Status done = client_->execute({.sql = text});
    ASSERT_TRUE(done.ok()) << done.to_string();
  }

  static std::unique_ptr<test::ClickHouseServer> server_;
  static inline int64_t epoch_ = 0;
  const Plan plan_ = every_type_plan();
  test::LakeFolder lake_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<clickhouse::Client> client_;
  std::unique_ptr<lake::DeltaLakeTable> lake_table_;
  std::unique_ptr<clickhouse::ClickHouseHotTable> hot_table_;
  std::shared_ptr<const LakeSnapshot> snapshot_;
};
std::unique_ptr<test::ClickHouseServer> BothStores::server_;

TEST_F(BothStores, EveryColumnOfEveryTypeHashesAlikeInBoth) {
  write_both();
  LakeRows lake = lake_rows();
  HotRows hot = hot_rows();
  const std::vector<std::string> names = hashed_column_names(plan_);
  for (const RowId id : {RowId{Seq{1}, 0}, RowId{Seq{2}, 0}, RowId{Seq{2}, 1}, RowId{Seq{70'000}, 0}}) {
    const auto in_lake = lake.column_hashes(0, id);
    const auto in_hot = hot.column_hashes(0, id);
    ASSERT_TRUE(in_lake.ok()) << in_lake.status().to_string();
    ASSERT_TRUE(in_hot.ok()) << in_hot.status().to_string();
    for (size_t i = 0; i < names.size(); ++i) {
      ASSERT_EQ((*in_lake)[i].size(), 1u) << names[i];
      EXPECT_EQ((*in_lake)[i], (*in_hot)[i]) << names[i] << " at _seq " << to_string(id.seq) << " _row " << id.row;
    }
  }
  EXPECT_EQ(lake.prints({.shard = 0, .seqs = {Seq{1}, Seq{70'000}}}).value(),
            hot.prints({.shard = 0, .seqs = {Seq{1}, Seq{70'000}}}).value());
  EXPECT_THAT(compare(), IsEmpty());
}

TEST_F(BothStores, AValueChangedInClickHouseIsNamedWithItsColumn) {
  write_both();
  sql("ALTER TABLE weir_test.everything UPDATE a_decimal = 7, a_list = [2] WHERE _seq = 2 AND _row = 1");
  const auto found = compare();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found[0], testing::StartsWith("changed in ClickHouse: shard 0, _seq 2, 1 row; first _seq 2 _row 1"));
  EXPECT_THAT(found[0], testing::EndsWith("columns: a_decimal, a_list"));
}

TEST_F(BothStores, ARowDeletedAndARowDoubledAreToldApart) {
  write_both();
  sql("ALTER TABLE weir_test.everything DELETE WHERE _seq = 1");
  sql("INSERT INTO weir_test.everything SELECT * FROM weir_test.everything WHERE _seq = 70000");
  EXPECT_THAT(compare(), ElementsAre("missing in ClickHouse: shard 0, _seq 1, 1 row; first _seq 1 _row 0",
                                     "doubled in ClickHouse: shard 0, _seq 70000, 1 row"));
}

TEST_F(BothStores, AColumnThatClickHouseDoesNotHaveYetCountsAsNull) {
  write_both();
  sql("ALTER TABLE weir_test.everything DROP COLUMN a_json");
  const auto found = compare();
  ASSERT_FALSE(found.empty());
  for (const std::string& text : found) EXPECT_THAT(text, testing::EndsWith("columns: a_json"));
}

TEST_F(BothStores, OnlyRowsOfTheTimesAskedForCount) {
  write_both();
  LakeRows lake = lake_rows();
  HotRows hot = hot_rows();
  const RowScope late{.shard = 0, .seqs = {Seq{1}, Seq{70'000}}, .time_from_us = 1'700'000'000'123'457, .time_before_us = {}};
  const RowScope early{.shard = 0, .seqs = {Seq{1}, Seq{70'000}}, .time_from_us = {}, .time_before_us = 1'700'000'000'123'457};
  EXPECT_EQ(lake.prints(late)->size(), 3u);
  EXPECT_EQ(*lake.prints(late), *hot.prints(late));
  EXPECT_EQ(lake.prints(early)->size(), 1u);
  EXPECT_EQ(*lake.prints(early), *hot.prints(early));
}

}  // namespace
}  // namespace weir::audit
