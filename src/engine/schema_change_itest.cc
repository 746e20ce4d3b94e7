#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/query.h"
#include "tests/support/event_tables.h"

namespace weir::engine {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const auto kName = arrow::field("name", arrow::utf8(), false);
const auto kSeq = arrow::field("_seq", arrow::int64(), false);
const auto kPlace = arrow::field("place", arrow::utf8());
const auto kTags = arrow::field("tags", arrow::list(arrow::int64()));

class SchemaChangeTest : public test::EventTables {
 protected:
  void SetUp() override {
    EventTables::SetUp();
    table_ = create("t", {.properties = {{"weir.table", "t"}}, .txns = {{"weir/t/0", 0}}});
    ASSERT_NE(table_, nullptr);
    base_ = append(*table_, **table_->snapshot(), 1, 2);
    ASSERT_NE(base_, nullptr);
  }

  Status refusal(const arrow::FieldVector& fields) {
    return table_->set_schema(*base_, *arrow::schema(fields), {}, "").status();
  }

  std::unique_ptr<DeltaTable> table_;
  std::unique_ptr<Snapshot> base_;
};

TEST_F(SchemaChangeTest, NewColumnsAreNullInOldFilesAndWrittenFromThenOn) {
  const auto schema = arrow::schema({kName->WithNullable(true), kPlace, kTags, kSeq});
  const auto changed = table_->set_schema(*base_, *schema, {{"weir/t/0", 7}}, R"({"weir":{"plan":"p2"}})");
  ASSERT_TRUE(changed.ok()) << changed.status().to_string();
  EXPECT_EQ((*changed)->version(), base_->version() + 1);
  EXPECT_EQ(*(*changed)->txn("weir/t/0"), 7);
  EXPECT_EQ((*changed)->describe(false)->properties.at("weir.table"), "t");
  EXPECT_EQ(count(**changed, "place IS NULL AND tags IS NULL AND name IN ('e1', 'e2')"), 2);

  EXPECT_EQ(table_->write(test::events_schema(), {test::events(3, 3)}, {}).status().code(),
            StatusCode::kInvalidArgument);
  const auto rows =
      arrow::RecordBatch::Make(schema, 2,
                               {arrow::json::ArrayFromJSONString(arrow::utf8(), R"([null, "e4"])").ValueOrDie(),
                                arrow::json::ArrayFromJSONString(arrow::utf8(), R"(["x", null])").ValueOrDie(),
                                arrow::json::ArrayFromJSONString(kTags->type(), "[[1, 2], []]").ValueOrDie(),
                                arrow::json::ArrayFromJSONString(arrow::int64(), "[3, 4]").ValueOrDie()});
  const auto files = table_->write(schema, {rows}, {});
  ASSERT_TRUE(files.ok()) << files.status().to_string();
  const auto written = table_->commit(**changed, files->get(), {{"weir/t/0", 8}}, "");
  ASSERT_TRUE(written.ok()) << written.status().to_string();
  EXPECT_EQ(count(**written, "place = 'x' AND name IS NULL"), 1);
  EXPECT_EQ(count(**written, "place IS NULL"), 3);

  const auto reopened = DeltaTable::open(*engine_, url("t"), {});
  ASSERT_TRUE(reopened.ok());
  const auto all = query(*engine_, {{"t", (*reopened)->snapshot()->get()}}, "SELECT * FROM t");
  ASSERT_TRUE(all.ok()) << all.status().to_string();
  EXPECT_THAT((*all)->schema()->field_names(), testing::ElementsAre("name", "place", "tags", "_seq"));
}

TEST_F(SchemaChangeTest, AFileFromBeforeIsScannedAloneCompactedAndHashedWithTheNewColumns) {
  const std::string old_file = base_->describe(true)->data_files.at(0).path;
  auto changed = table_->set_schema(*base_, *arrow::schema({kName, kPlace, kSeq}), {}, "");
  ASSERT_TRUE(changed.ok()) << changed.status().to_string();
  const auto rows = query(*engine_, {{"t", changed->get(), {{old_file}}}},
                          "SELECT count(*) FROM t WHERE place IS NULL AND "
                          "weir_row_hash(name, place) = weir_row_hash('e' || _seq, NULL)");
  ASSERT_TRUE(rows.ok()) << rows.status().to_string();
  const auto found = (*rows)->ToTable().ValueOrDie();
  EXPECT_EQ(static_cast<const arrow::Int64Array&>(*found->column(0)->chunk(0)).Value(0), 2);

  const auto batch =
      arrow::RecordBatch::Make(arrow::schema({kName, kPlace, kSeq}), 1,
                               {arrow::json::ArrayFromJSONString(arrow::utf8(), R"(["e3"])").ValueOrDie(),
                                arrow::json::ArrayFromJSONString(arrow::utf8(), R"(["here"])").ValueOrDie(),
                                arrow::json::ArrayFromJSONString(arrow::int64(), "[3]").ValueOrDie()});
  const auto files = table_->write(batch->schema(), {batch}, {});
  ASSERT_TRUE(files.ok()) << files.status().to_string();
  ASSERT_TRUE(table_->commit(**changed, files->get(), {}, "").ok());
  const auto compacted = table_->optimize({});
  ASSERT_TRUE(compacted.ok()) << compacted.status().to_string();
  EXPECT_EQ(compacted->files_removed, 2);
  EXPECT_EQ(count(**table_->snapshot(), "place IS NULL"), 2);
  EXPECT_EQ(count(**table_->snapshot(), "place = 'here'"), 1);
}

TEST_F(SchemaChangeTest, WhatOldFilesCannotHaveIsRefusedWithColumnAndTypes) {
  const auto expect_refused = [&](const arrow::FieldVector& fields, const auto& message) {
    const Status refused = refusal(fields);
    EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument) << refused.to_string();
    EXPECT_THAT(refused.to_string(), message);
  };
  expect_refused({kSeq}, AllOf(HasSubstr("'name'"), HasSubstr("string NOT NULL")));
  expect_refused({kName, arrow::field("_seq", arrow::int32(), false)},
                 AllOf(HasSubstr("'_seq'"), HasSubstr("long NOT NULL"), HasSubstr("integer NOT NULL")));
  expect_refused({kName, kSeq, kPlace->WithNullable(false)}, AllOf(HasSubstr("'place'"), HasSubstr("nullable")));
  expect_refused({kName, kSeq, arrow::field("Name", arrow::utf8())}, AllOf(HasSubstr("'Name'"), HasSubstr("case")));
  expect_refused({kName, kSeq, arrow::field("t", arrow::timestamp(arrow::TimeUnit::MICRO))}, HasSubstr("time zone"));

  auto loose = table_->set_schema(*base_, *arrow::schema({kName->WithNullable(true), kTags, kSeq}), {}, "");
  ASSERT_TRUE(loose.ok()) << loose.status().to_string();
  base_ = std::move(loose).value();
  expect_refused({kName, kTags, kSeq}, AllOf(HasSubstr("'name'"), HasSubstr("NULL")));
  const auto strict_tags = arrow::field("tags", arrow::list(arrow::field("element", arrow::int64(), false)));
  expect_refused({kName->WithNullable(true), strict_tags, kSeq}, AllOf(HasSubstr("'tags'"), HasSubstr("containsNull")));
  EXPECT_EQ((*table_->snapshot())->version(), base_->version());
}

TEST_F(SchemaChangeTest, TheSchemaThatIsThereOnlySetsTheTransactions) {
  const auto same = table_->set_schema(*base_, *test::events_schema(), {}, "");
  ASSERT_TRUE(same.ok()) << same.status().to_string();
  EXPECT_EQ((*same)->version(), base_->version());
  const auto set = table_->set_schema(*base_, *test::events_schema(), {{"weir/t/0", 9}}, "");
  ASSERT_TRUE(set.ok()) << set.status().to_string();
  EXPECT_EQ((*set)->version(), base_->version() + 1);
  EXPECT_EQ(*(*set)->txn("weir/t/0"), 9);
}

TEST_F(SchemaChangeTest, AnOrderOfColumnsIsAChangeToo) {
  const auto turned = table_->set_schema(*base_, *arrow::schema({kSeq, kName}), {}, "");
  ASSERT_TRUE(turned.ok()) << turned.status().to_string();
  const auto rows = query(*engine_, {{"t", turned->get()}}, "SELECT * FROM t WHERE name = 'e2'");
  ASSERT_TRUE(rows.ok());
  EXPECT_THAT((*rows)->schema()->field_names(), testing::ElementsAre("_seq", "name"));
  EXPECT_EQ((*rows)->ToTable().ValueOrDie()->num_rows(), 1);
}

TEST_F(SchemaChangeTest, AppendsOfOthersAreToleratedAndTheirPositionsAreNot) {
  const auto schema = arrow::schema({kName, kPlace, kSeq});
  const auto rival = DeltaTable::open(*engine_, url("t"), {});
  ASSERT_TRUE(rival.ok());
  ASSERT_NE(append(**rival, *base_, 3, 4), nullptr);
  EXPECT_EQ(table_->set_schema(*base_, *schema, {{"weir/t/0", 5}}, "").status().code(), StatusCode::kConflict);
  const auto changed = table_->set_schema(*base_, *schema, {{"weir/t/1", 5}}, "");
  ASSERT_TRUE(changed.ok()) << changed.status().to_string();
  EXPECT_EQ(count(**changed), 4);

  const auto files = (*rival)->write(test::events_schema(), {test::events(5, 5)}, {});
  ASSERT_TRUE(files.ok()) << "the rival has not seen the change yet";
  EXPECT_EQ((*rival)->commit(*base_, files->get(), {{"weir/t/2", 1}}, "").status().code(), StatusCode::kConflict);
  EXPECT_EQ(table_->set_schema(*base_, *arrow::schema({kName, kTags, kSeq}), {}, "").status().code(),
            StatusCode::kConflict);
}

}  // namespace
}  // namespace weir::engine
