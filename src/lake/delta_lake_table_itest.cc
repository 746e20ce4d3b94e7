#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "engine/query.h"
#include "lake/dead_letter_table.h"
#include "lake/delta_lake_table.h"
#include "tests/support/lake_folder.h"

namespace weir::lake {
namespace {

using testing::HasSubstr;

// One column of every type a plan can have, with the JSON of three values of it.
struct TypedValues {
  const char* name;
  const char* type;
  bool nullable;
  const char* values;
};

constexpr TypedValues kEveryType[] = {
    {"a_bool", "bool", true, "true, null, false"},
    {"an_int8", "int8", true, "-128, null, 127"},
    {"an_int16", "int16", true, "-32768, null, 32767"},
    {"an_int32", "int32", true, "-2147483648, null, 2147483647"},
    {"an_int64", "int64", true, "-9223372036854775808, null, 9223372036854775807"},
    {"a_uint8", "uint8", true, "0, null, 255"},
    {"a_uint16", "uint16", true, "0, null, 65535"},
    {"a_uint32", "uint32", true, "0, null, 4294967295"},
    {"a_uint64", "uint64", true, "0, null, 18446744073709551615"},
    {"a_float32", "float32", true, "-1.5, null, 3.25"},
    {"a_float64", "float64", true, "-1e300, null, 2.5"},
    {"a_string", "string", true, R"("", null, "a string of more than twelve bytes: é")"},
    {"a_binary", "binary", true, R"("", null, "bytes")"},
    {"a_date", "date", true, "0, null, 20000"},
    {"a_timestamp", "timestamp", true, "0, null, 1700000000123456"},
    {"a_decimal", "decimal(38,10)", true, R"("-1.0000000001", null, "9999999999999999999999999999.9999999999")"},
    {"a_uuid", "uuid", true, R"("6f9619ff-8b86-d011-b42d-00c04fc964ff", null, "00000000-0000-0000-0000-000000000000")"},
    {"a_json", "json", true, R"("{\"a\":1}", null, "[]")"},
    {"a_list", "list<uint8>", false, "[0, 255], [], [1]"},
    {"a_struct", "struct<n:uint64,s:string>", false,
     R"({"n": 18446744073709551615, "s": "x"}, {"n": 0, "s": ""}, {"n": 1, "s": "y"})"},
    {"a_list_of_structs", "list<struct<n:uint16,tags:list<string>>>", false,
     R"([{"n": 65535, "tags": ["a", "b"]}, {"n": 0, "tags": []}], [], [{"n": 1, "tags": ["c"]}])"},
    {"day", "date", false, "1, 1, 2"},
};

Plan every_type_plan() {
  Plan plan;
  plan.table = "everything";
  for (const TypedValues& column : kEveryType) {
    plan.rows.push_back({.name = column.name, .type = *parse_column_type(column.type), .nullable = column.nullable});
  }
  plan.partition_by = {"day"};
  return plan;
}

std::shared_ptr<arrow::Array> array(const std::shared_ptr<arrow::DataType>& type, const std::string& json) {
  return arrow::json::ArrayFromJSONString(type, json).ValueOrDie();
}

std::shared_ptr<arrow::RecordBatch> every_type_rows() {
  const auto schema = row_arrow_schema(every_type_plan());
  arrow::ArrayVector columns;
  for (const TypedValues& column : kEveryType) {
    columns.push_back(array(schema->GetFieldByName(column.name)->type(), "[" + std::string(column.values) + "]"));
  }
  columns.push_back(array(arrow::int32(), "[0, 0, 0]"));
  columns.push_back(array(arrow::int64(), "[1, 2, 2]"));
  columns.push_back(array(arrow::int32(), "[0, 0, 1]"));
  columns.push_back(
      array(schema->GetFieldByName("_time")->type(), "[1700000000000001, 1700000000000002, 1700000000000002]"));
  columns.push_back(array(arrow::utf8(), R"(["s.a", "s.b", "s.b"])"));
  return arrow::RecordBatch::Make(schema, 3, columns);
}

Plan numbers_plan() {
  Plan plan;
  plan.table = "numbers";
  plan.rows = {{.name = "n", .type = *parse_column_type("uint32"), .nullable = false}};
  plan.order_by = {"n"};
  return plan;
}

// Rows of `shard` with the sequences first..last, n = _seq.
std::shared_ptr<arrow::RecordBatch> numbers(int32_t shard, int64_t first, int64_t last) {
  arrow::UInt32Builder n;
  arrow::Int32Builder shards;
  arrow::Int64Builder seqs;
  arrow::Int32Builder rows;
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), arrow::default_memory_pool());
  arrow::StringBuilder subjects;
  for (int64_t seq = first; seq <= last; ++seq) {
    EXPECT_TRUE(n.Append(static_cast<uint32_t>(seq)).ok() && shards.Append(shard).ok() && seqs.Append(seq).ok() &&
                rows.Append(0).ok() && times.Append(seq).ok() && subjects.Append("n").ok());
  }
  arrow::ArrayVector columns;
  for (arrow::ArrayBuilder* builder :
       std::initializer_list<arrow::ArrayBuilder*>{&n, &shards, &seqs, &rows, &times, &subjects}) {
    columns.push_back(builder->Finish().ValueOrDie());
  }
  return arrow::RecordBatch::Make(row_arrow_schema(numbers_plan()), last - first + 1, columns);
}

const TableOwner kOwner{.pipeline = "test", .stream = "N", .shards = 2};

class DeltaLakeTableTest : public testing::Test {
 protected:
  void SetUp() override {
    auto engine = engine::Engine::open({.worker_threads = 2});
    ASSERT_TRUE(engine.ok()) << engine.status().to_string();
    engine_ = std::move(engine).value();
    options_.url = lake_.url();
  }

  Result<std::unique_ptr<DeltaLakeTable>> try_open(const Plan& plan, const TableOwner& owner = kOwner) {
    return DeltaLakeTable::open_or_create(*engine_, options_, rows_definition(plan, owner, Seq{1}));
  }

  std::unique_ptr<DeltaLakeTable> open(const Plan& plan) {
    auto table = try_open(plan);
    EXPECT_TRUE(table.ok()) << table.status().to_string();
    return table.ok() ? std::move(table).value() : nullptr;
  }

  std::shared_ptr<const LakeSnapshot> newest(LakeTable& table) {
    auto snapshot = table.snapshot();
    EXPECT_TRUE(snapshot.ok()) << snapshot.status().to_string();
    return snapshot.ok() ? std::move(snapshot).value() : nullptr;
  }

  // Appends numbers first..last of `shard` on top of `base` and moves the shard's position to last.
  Result<std::shared_ptr<const LakeSnapshot>> append(LakeTable& table, const LakeSnapshot& base, int32_t shard,
                                                     int64_t first, int64_t last) {
    WEIR_ASSIGN_OR_RETURN(const auto files, table.write_files({numbers(shard, first, last)}));
    return table.commit(base, files.get(), {{position_id(shard), last}, {position_id(shard) + "/epoch", 1}},
                        R"({"weir":{"plan":"x"}})");
  }

  static std::string position_id(int32_t shard) { return "weir/numbers/" + std::to_string(shard); }

  std::shared_ptr<arrow::Table> read(LakeTable& table, int32_t shard, SeqRange range) {
    auto reader = table.read(*newest(table), shard, range);
    EXPECT_TRUE(reader.ok()) << reader.status().to_string();
    auto rows = (*reader)->ToTable();
    EXPECT_TRUE(rows.ok()) << rows.status().ToString();
    return rows.ok() ? *rows : nullptr;
  }

  std::vector<int64_t> read_seqs(LakeTable& table, int32_t shard, SeqRange range) {
    const auto rows = read(table, shard, range)->CombineChunksToBatch().ValueOrDie();
    const auto& column = static_cast<const arrow::Int64Array&>(*rows->GetColumnByName("_seq"));
    return {column.raw_values(), column.raw_values() + column.length()};
  }

  test::LakeFolder lake_;
  LakeOptions options_;
  std::unique_ptr<engine::Engine> engine_;
};

TEST_F(DeltaLakeTableTest, ANewTableStandsBeforeItsFirstSequenceInEveryShard) {
  const auto created =
      DeltaLakeTable::open_or_create(*engine_, options_, rows_definition(numbers_plan(), kOwner, Seq{51}));
  ASSERT_TRUE(created.ok()) << created.status().to_string();
  const auto snapshot = newest(**created);
  EXPECT_EQ(snapshot->version(), 0);
  EXPECT_EQ(*snapshot->txn("weir/numbers/0"), 50);
  EXPECT_EQ(*snapshot->txn("weir/numbers/1"), 50);
  EXPECT_EQ(*snapshot->txn("weir/numbers/0/epoch"), std::nullopt);
}

TEST_F(DeltaLakeTableTest, EveryTypeComesBackAsItWentIn) {
  const auto table = open(every_type_plan());
  ASSERT_NE(table, nullptr);
  const auto rows = every_type_rows();
  const auto files = table->write_files({rows});
  ASSERT_TRUE(files.ok()) << files.status().to_string();
  EXPECT_EQ((*files)->rows(), 3);
  ASSERT_TRUE(table->commit(*newest(*table), files->get(), {{"weir/everything/0", 2}}, "{}").ok());

  const auto back = read(*table, 0, {Seq{1}, Seq{2}})->CombineChunksToBatch();
  ASSERT_TRUE(back.ok());
  ASSERT_TRUE((*back)->ValidateFull().ok()) << (*back)->ValidateFull().ToString();
  EXPECT_TRUE((*back)->schema()->Equals(*row_arrow_schema(every_type_plan())));
  for (int i = 0; i < rows->num_columns(); ++i) {
    EXPECT_TRUE((*back)->column(i)->Equals(*rows->column(i))) << rows->schema()->field(i)->ToString() << "\n"
                                                              << (*back)->column(i)->ToString();
  }
  EXPECT_TRUE(open(every_type_plan()) != nullptr) << "its own schema is accepted when it is opened again";
}

TEST_F(DeltaLakeTableTest, ReadsAShardsRangeInOrderWhateverTheOrderOfTheFiles) {
  options_.read_window = {.sequences_first = 10, .sequences_max = 64, .bytes_target = 2'000};
  const auto table = open(numbers_plan());
  auto snapshot = newest(*table);
  for (const int64_t first : {1, 101, 201}) {
    for (const int32_t shard : {0, 1}) {
      auto next = append(*table, *snapshot, shard, first, first + 99);
      ASSERT_TRUE(next.ok()) << next.status().to_string();
      snapshot = *next;
    }
  }
  const auto seqs = read_seqs(*table, 1, {Seq{50}, Seq{250}});
  ASSERT_EQ(seqs.size(), 201U);
  for (size_t i = 0; i < seqs.size(); ++i) EXPECT_EQ(seqs[i], static_cast<int64_t>(50 + i));
  EXPECT_TRUE(read_seqs(*table, 1, {Seq{301}, Seq{400}}).empty());
  EXPECT_TRUE(read_seqs(*table, 7, {Seq{1}, Seq{400}}).empty());
  EXPECT_TRUE(read_seqs(*table, 0, {Seq{5}, Seq{4}}).empty());
}

TEST_F(DeltaLakeTableTest, AnIncarnationThatStartsFarAwayIsReadWithoutWalkingThere) {
  options_.read_window = {.sequences_first = 10};
  const auto table = open(numbers_plan());
  auto snapshot = append(*table, *newest(*table), 0, 1, 5);
  ASSERT_TRUE(snapshot.ok());
  ASSERT_TRUE(append(*table, **snapshot, 0, 3'000'000'001, 3'000'000'003).ok());
  EXPECT_EQ(read_seqs(*table, 0, {Seq{1}, Seq{9'000'000'000'000'000}}),
            (std::vector<int64_t>{1, 2, 3, 4, 5, 3'000'000'001, 3'000'000'002, 3'000'000'003}));
}

TEST_F(DeltaLakeTableTest, AReadSeesItsSnapshotAndNothingLater) {
  const auto table = open(numbers_plan());
  const auto first = append(*table, *newest(*table), 0, 1, 10);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(append(*table, **first, 0, 11, 20).ok());
  const auto reader = table->read(**first, 0, {Seq{1}, Seq{100}});
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ((*reader)->ToTable().ValueOrDie()->num_rows(), 10);
}

// Delta's statistics cut timestamps to milliseconds, so a file's greatest `_time` in the log may be too low.
TEST_F(DeltaLakeTableTest, AQueryByTimeFindsTheLastMicrosecondOfAFile) {
  const auto table = open(numbers_plan());
  const auto snapshot = append(*table, *newest(*table), 0, 1'000, 1'999);
  ASSERT_TRUE(snapshot.ok());
  const auto rows = engine::query(*engine_, {{"t", engine_snapshot(**snapshot)}},
                                  "SELECT n FROM t WHERE _time >= TIMESTAMP '1970-01-01T00:00:00.001500Z'");
  ASSERT_TRUE(rows.ok()) << rows.status().to_string();
  EXPECT_EQ((*rows)->ToTable().ValueOrDie()->num_rows(), 500);
}

TEST_F(DeltaLakeTableTest, OfTwoHoldersOfAShardTheSecondConflictsAndOtherShardsDoNot) {
  const auto table = open(numbers_plan());
  const auto rival = open(numbers_plan());
  const auto base = newest(*table);
  const auto stale = newest(*rival);
  ASSERT_TRUE(append(*table, *base, 0, 1, 10).ok());
  EXPECT_EQ(append(*rival, *stale, 0, 1, 10).status().code(), StatusCode::kConflict);
  EXPECT_TRUE(append(*rival, *stale, 1, 1, 10).ok());
  EXPECT_EQ(read_seqs(*table, 0, {Seq{1}, Seq{100}}).size(), 10U);
}

TEST_F(DeltaLakeTableTest, ATakeOverByEpochAloneFencesTheOlderHolder) {
  const auto table = open(numbers_plan());
  const auto older = newest(*table);
  const auto taken = table->commit(*older, nullptr, {{"weir/numbers/0/epoch", 2}}, "{}");
  ASSERT_TRUE(taken.ok()) << taken.status().to_string();
  EXPECT_EQ(*(*taken)->txn("weir/numbers/0/epoch"), 2);
  EXPECT_EQ(*(*taken)->txn("weir/numbers/0"), 0);
  // The older one's commit carries the epoch's app id too.
  EXPECT_EQ(append(*table, *older, 0, 1, 10).status().code(), StatusCode::kConflict);
}

TEST_F(DeltaLakeTableTest, CommitsGoOnOverCheckpointsAndReopening) {
  auto table = open(numbers_plan());
  auto snapshot = newest(*table);
  for (int64_t i = 0; i < 25; ++i) {
    auto next = append(*table, *snapshot, 0, i * 4 + 1, i * 4 + 4);
    ASSERT_TRUE(next.ok()) << next.status().to_string();
    snapshot = *next;
    if (i % 10 == 9) {
      ASSERT_TRUE(table->checkpoint().ok());
      snapshot = newest(*table);
    }
  }
  table = open(numbers_plan());
  ASSERT_NE(table, nullptr);
  snapshot = newest(*table);
  EXPECT_EQ(*snapshot->txn("weir/numbers/0"), 100);
  EXPECT_EQ(*snapshot->txn("weir/numbers/1"), 0);
  EXPECT_EQ(read_seqs(*table, 0, {Seq{1}, Seq{100}}).size(), 100U);
  const auto earlier = table->snapshot_at(5);
  ASSERT_TRUE(earlier.ok());
  EXPECT_EQ(*(*earlier)->txn("weir/numbers/0"), 20);
}

TEST_F(DeltaLakeTableTest, TwoProcessesMayCreateTheTableAtOnce) {
  std::vector<Status> outcomes(4);
  {
    std::vector<std::jthread> threads;
    for (Status& outcome : outcomes) threads.emplace_back([&] { outcome = try_open(numbers_plan()).status(); });
  }
  for (const Status& outcome : outcomes) EXPECT_TRUE(outcome.ok()) << outcome.to_string();
  EXPECT_EQ(newest(*open(numbers_plan()))->version(), 0);
}

TEST_F(DeltaLakeTableTest, ATableOfAnotherPipelineStreamOrShardCountIsRefused) {
  ASSERT_NE(open(numbers_plan()), nullptr);
  const auto foreign = try_open(numbers_plan(), {.pipeline = "other", .stream = "M", .shards = 3});
  EXPECT_EQ(foreign.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(foreign.status().message(), HasSubstr("pipeline: the table says \"test\", the pipeline file \"other\""));
  EXPECT_THAT(foreign.status().message(), HasSubstr("stream: the table says \"N\""));
  EXPECT_THAT(foreign.status().message(), HasSubstr("shards: the table says \"2\""));
}

TEST_F(DeltaLakeTableTest, AnotherSchemaIsRefusedAndBothAreShown) {
  ASSERT_NE(open(numbers_plan()), nullptr);
  Plan plan = numbers_plan();
  plan.rows[0].type = *parse_column_type("string");
  const auto different = try_open(plan);
  EXPECT_EQ(different.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(different.status().message(), HasSubstr("the table has n BIGINT NOT NULL, the plan n STRING NOT NULL"));
}

// The plan of numbers with an `n` that may be NULL and a new column `m`.
Plan wider_numbers_plan() {
  Plan plan = numbers_plan();
  plan.order_by = {};
  plan.rows[0].nullable = true;
  plan.rows.push_back({.name = "m", .type = *parse_column_type("decimal(10,2)")});
  return plan;
}

// numbers() of shard 0 with m = 1.50, as wider_numbers_plan() has them.
std::shared_ptr<arrow::RecordBatch> wider_numbers(int64_t first, int64_t last) {
  const auto rows = numbers(0, first, last);
  const auto schema = row_arrow_schema(wider_numbers_plan());
  arrow::ArrayVector columns = rows->columns();
  std::string values;
  for (int64_t seq = first; seq <= last; ++seq) values += std::string(values.empty() ? "" : ", ") + "\"1.50\"";
  columns.insert(columns.begin() + 1, array(schema->GetFieldByName("m")->type(), "[" + values + "]"));
  return arrow::RecordBatch::Make(schema, rows->num_rows(), columns);
}

TEST_F(DeltaLakeTableTest, GrowsForAWiderPlanAndRowsFromBeforeReadNull) {
  const auto narrow = open(numbers_plan());
  auto snapshot = append(*narrow, *newest(*narrow), 0, 1, 3);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status().to_string();

  const auto wide = open(wider_numbers_plan());
  ASSERT_NE(wide, nullptr) << "a table that only lacks nullable columns is ours";
  const auto grown = wide->grow({{position_id(0) + "/epoch", 1}});
  ASSERT_TRUE(grown.ok()) << grown.status().to_string();
  EXPECT_TRUE(*grown);
  EXPECT_FALSE(*wide->grow({{position_id(0) + "/epoch", 1}})) << "once is enough";
  const auto files = wide->write_files({wider_numbers(4, 5)});
  ASSERT_TRUE(files.ok()) << files.status().to_string();
  ASSERT_TRUE(wide->commit(*newest(*wide), files->get(), {{position_id(0), 5}}, "{}").ok());

  const auto rows = read(*wide, 0, {Seq{1}, Seq{9}})->CombineChunksToBatch().ValueOrDie();
  ASSERT_EQ(rows->num_rows(), 5);
  EXPECT_EQ(rows->GetColumnByName("m")->null_count(), 3);
  EXPECT_EQ(rows->GetColumnByName("m")->GetScalar(4).ValueOrDie()->ToString(), "1.50");
  EXPECT_EQ(*newest(*wide)->txn(position_id(0)), 5);
}

TEST_F(DeltaLakeTableTest, WhoStillHasTheOlderPlanGoesOnAndWritesNullIntoTheNewColumn) {
  const auto narrow = open(numbers_plan());
  ASSERT_TRUE(append(*narrow, *newest(*narrow), 0, 1, 3).ok());
  ASSERT_TRUE(*open(wider_numbers_plan())->grow({}));
  // Opened before the table grew, and after.
  ASSERT_TRUE(append(*narrow, *newest(*narrow), 1, 1, 2).ok());
  const auto again = open(numbers_plan());
  ASSERT_NE(again, nullptr);
  const auto appended = append(*again, *newest(*again), 0, 4, 6);
  ASSERT_TRUE(appended.ok()) << appended.status().to_string();
  EXPECT_EQ(read_seqs(*again, 0, {Seq{1}, Seq{9}}).size(), 6U);
  const auto wide = read(*open(wider_numbers_plan()), 1, {Seq{1}, Seq{9}});
  EXPECT_EQ(wide->GetColumnByName("m")->null_count(), 2);
}

TEST_F(DeltaLakeTableTest, GrowingIsRefusedToWhoNoLongerHoldsTheShard) {
  const auto narrow = open(numbers_plan());
  ASSERT_TRUE(append(*narrow, *newest(*narrow), 0, 1, 3).ok());  // Under epoch 1.
  const auto wide = open(wider_numbers_plan());
  EXPECT_EQ(wide->grow({{position_id(0) + "/epoch", 2}}).status().code(), StatusCode::kFenced);
  EXPECT_TRUE(open(numbers_plan()) != nullptr);
  EXPECT_TRUE(*wide->grow({{position_id(0) + "/epoch", 1}}));
}

TEST_F(DeltaLakeTableTest, RowsOfAnotherSchemaAreNotWritten) {
  const auto table = open(numbers_plan());
  EXPECT_EQ(table->write_files({every_type_rows()}).status().code(), StatusCode::kInternal);
}

TEST_F(DeltaLakeTableTest, AbsenceIsToldFromAnEmptyTable) {
  const auto absent = DeltaLakeTable::open(*engine_, options_, rows_definition(numbers_plan(), kOwner, Seq{1}));
  EXPECT_EQ(absent.status().code(), StatusCode::kNotFound);
}

TEST_F(DeltaLakeTableTest, DeadLettersOfTwoTablesShareOneDeltaTableAndAreReadApart) {
  const auto open_letters = [&](const char* pipeline, const char* name) {
    return DeltaLakeTable::open_or_create(*engine_, options_, dead_letter_definition(pipeline, name));
  };
  const auto of_a = open_letters("test", "a");
  const auto of_b = open_letters("test", "b");
  ASSERT_TRUE(of_a.ok()) << of_a.status().to_string();
  ASSERT_TRUE(of_b.ok()) << of_b.status().to_string();
  Reject reject;
  reject.seq = Seq{7};
  reject.code = "invalid_json";
  reject.payload = std::string("\xff\0", 2);
  const std::vector<const Reject*> rejects{&reject};
  for (const auto& [table, name] : {std::pair(of_a->get(), "a"), std::pair(of_b->get(), "b")}) {
    const auto files = table->write_files({*reject_batch(name, 0, rejects)});
    ASSERT_TRUE(files.ok()) << files.status().to_string();
    const std::string app_id = std::string("weir/") + name + "/0";
    ASSERT_TRUE(table->commit(*newest(*table), files->get(), {{app_id, 7}}, "{}").ok());
  }
  EXPECT_EQ(*newest(**of_a)->txn("weir/b/0"), 7);
  const auto read_back = read(**of_b, 0, {Seq{1}, Seq{100}})->CombineChunksToBatch().ValueOrDie();
  EXPECT_TRUE(read_back->Equals(**reject_batch("b", 0, rejects))) << read_back->ToString();
  EXPECT_EQ(open_letters("other", "a").status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace weir::lake
