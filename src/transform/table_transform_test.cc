#include "transform/table_transform.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "batch/row_ids.h"

namespace weir::transform {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Messages final : public MessageBatch {
 public:
  explicit Messages(SeqRange range) : range_(range) {}

  Messages& add(int64_t seq, std::string payload, std::string subject = "n.a", std::string headers = "") {
    bytes_.push_back({std::move(payload), std::move(subject), std::move(headers)});
    const Texts& texts = bytes_.back();
    messages_.push_back({.seq = Seq{seq},
                         .time_us = 1'000 * seq,
                         .subject = texts.subject,
                         .payload = texts.payload,
                         .headers = texts.headers});
    return *this;
  }

  SeqRange range() const override { return range_; }
  std::span<const Message> messages() const override { return messages_; }
  int64_t bytes() const override { return 0; }

 private:
  struct Texts {
    std::string payload, subject, headers;
  };
  SeqRange range_;
  std::deque<Texts> bytes_;
  std::vector<Message> messages_;
};

Plan numbers_plan(const std::string& sql = "") {
  Plan plan;
  plan.table = "numbers";
  plan.input = {
      {.name = "n", .type = *parse_column_type("int64"), .from = *parse_value_source("/n"), .required = true}};
  plan.sql = sql;
  EXPECT_TRUE(set_rows_from_input(&plan).ok());
  return plan;
}

std::unique_ptr<TableTransform> transform_of(const Plan& plan, TableTransformOptions options = {}) {
  auto transform = TableTransform::create(std::make_shared<const Plan>(plan), std::move(options));
  EXPECT_TRUE(transform.ok()) << transform.status().to_string();
  return std::move(transform).value();
}

std::shared_ptr<const Slice> apply(TableTransform& transform, const MessageBatch& batch, SeqRange range) {
  auto slice = transform.apply(batch, range);
  EXPECT_TRUE(slice.ok()) << slice.status().to_string();
  return slice.ok() ? std::move(slice).value() : nullptr;
}

std::vector<int64_t> seqs(const arrow::RecordBatch& rows) {
  std::vector<int64_t> result;
  const auto ids = row_ids(rows);
  for (const RowId& id : *ids) result.push_back(id.seq.value);
  return result;
}

// The plan's SQL without an engine: fails on batches with the number 13, leaves odd numbers out.
Result<std::shared_ptr<arrow::RecordBatch>> even_numbers(const std::shared_ptr<arrow::RecordBatch>& rows) {
  const auto& n = static_cast<const arrow::Int64Array&>(*rows->column(0));
  arrow::RecordBatchVector kept{rows->Slice(0, 0)};
  for (int64_t i = 0; i < n.length(); ++i) {
    if (n.Value(i) == 13) return rejected("13 is not a number we take");
    if (n.Value(i) % 2 == 0) kept.push_back(rows->Slice(i, 1));
  }
  return arrow::ConcatenateRecordBatches(kept).ValueOrDie();
}

TEST(TableTransform, TakesTheMessagesOfTheRangeAndNoOthers) {
  const auto transform = transform_of(numbers_plan(), {.shard = 3});
  Messages batch({Seq{1}, Seq{50}});
  batch.add(10, R"({"n":1})").add(20, R"({"n":2})").add(30, R"({"n":3})").add(40, R"({"n":4})");
  const auto slice = apply(*transform, batch, {Seq{20}, Seq{35}});
  EXPECT_THAT(seqs(*slice->rows), ElementsAre(20, 30));
  EXPECT_EQ(slice->shard, 3);
  EXPECT_EQ(slice->range, (SeqRange{Seq{20}, Seq{35}}));
  EXPECT_EQ(slice->events, 2);
  EXPECT_EQ(slice->plan_id, numbers_plan().id());
  EXPECT_EQ(slice->first_time_us, 20'000);
  EXPECT_EQ(slice->last_time_us, 30'000);
  EXPECT_EQ(slice->last_event, Seq{30});
  EXPECT_TRUE(slice->rows->schema()->Equals(*row_arrow_schema(numbers_plan())));
}

TEST(TableTransform, ARangeWithoutMessagesIsASliceWithoutRows) {
  const auto transform = transform_of(numbers_plan("SELECT *"), {.sql = even_numbers});
  const auto slice = apply(*transform, Messages({Seq{1}, Seq{9}}), {Seq{1}, Seq{9}});
  ASSERT_NE(slice->rows, nullptr);
  EXPECT_EQ(slice->rows->num_rows(), 0);
  EXPECT_TRUE(slice->rows->schema()->Equals(*row_arrow_schema(numbers_plan())));
  EXPECT_EQ(slice->events, 0);
  EXPECT_EQ(slice->last_time_us, 0);
  EXPECT_EQ(slice->last_event, Seq{0});
}

TEST(TableTransform, MessagesForOtherTablesMakeNoRowsButShowHowFarTheStreamWasRead) {
  const auto transform =
      transform_of(numbers_plan(), {.takes_subject = [](std::string_view subject) { return subject == "n.a"; }});
  Messages batch({Seq{1}, Seq{3}});
  batch.add(1, R"({"n":1})", "n.a").add(2, R"({"n":2})", "n.b").add(3, "not for us", "n.c");
  const auto slice = apply(*transform, batch, {Seq{1}, Seq{3}});
  EXPECT_THAT(seqs(*slice->rows), ElementsAre(1));
  EXPECT_EQ(slice->events, 1);
  EXPECT_TRUE(slice->rejects.empty());
  EXPECT_EQ(slice->last_event, Seq{3});
  EXPECT_EQ(slice->last_time_us, 3'000);
}

TEST(TableTransform, EveryEventIsARowOrFilteredOrAReject) {
  const auto transform = transform_of(numbers_plan("SELECT *"), {.sql = even_numbers});
  Messages batch({Seq{1}, Seq{6}});
  batch.add(1, R"({"n":2})")
      .add(2, R"({"n":13})", "n.a", "Trace: 7\r\n")
      .add(3, "{")
      .add(4, R"({"n":5})")
      .add(5, R"({"n":4})");
  const auto slice = apply(*transform, batch, {Seq{1}, Seq{6}});
  EXPECT_EQ(slice->events, 5);
  EXPECT_THAT(seqs(*slice->rows), ElementsAre(1, 5));
  EXPECT_EQ(slice->filtered, 1);
  ASSERT_EQ(slice->rejects.size(), 2U);
  EXPECT_EQ(slice->rejects[0].seq, Seq{2});
  EXPECT_EQ(slice->rejects[0].code, "sql_error");
  EXPECT_THAT(slice->rejects[0].reason, HasSubstr("13 is not a number"));
  EXPECT_EQ(slice->rejects[0].payload, R"({"n":13})");
  EXPECT_EQ(slice->rejects[0].headers, "Trace: 7\r\n");
  EXPECT_EQ(slice->rejects[0].time_us, 2'000);
  EXPECT_EQ(slice->rejects[0].subject, "n.a");
  EXPECT_EQ(slice->rejects[1].seq, Seq{3});
  EXPECT_EQ(slice->rejects[1].code, "invalid_json");
}

// Tables by place, partitioned by it.
Plan places_plan(const std::string& sql = "") {
  Plan plan;
  plan.table = "places";
  plan.input = {{.name = "place", .type = *parse_column_type("string"), .from = *parse_value_source("/at/place"), .required = true}};
  plan.partition_by = {"place"};
  plan.sql = sql;
  EXPECT_TRUE(set_rows_from_input(&plan).ok());
  return plan;
}

std::string place(const std::string& name) { return R"({"at":{"place":")" + name + "\"}}"; }

TEST(TableTransform, TextThatNoPartitionCanHoldIsADeadLetter) {
  const auto same = [](const std::shared_ptr<arrow::RecordBatch>& rows) -> Result<std::shared_ptr<arrow::RecordBatch>> {
    return rows;
  };
  for (const auto& transform : {transform_of(places_plan()), transform_of(places_plan("SELECT *"), {.sql = same})}) {
    Messages batch({Seq{1}, Seq{9}});
    std::string slashes(83, '/');  // place= and 83 times %2F are 255 bytes.
    batch.add(1, place("")).add(2, place("Zürich")).add(3, "nonsense").add(4, place(std::string(249, 'x')));
    batch.add(5, place(std::string(250, 'x'))).add(6, place(slashes)).add(7, place(slashes + "/")).add(8, place(" "));
    const auto slice = apply(*transform, batch, {Seq{1}, Seq{9}});
    EXPECT_EQ(slice->events, 8);
    EXPECT_THAT(seqs(*slice->rows), ElementsAre(2, 4, 6, 8));
    ASSERT_EQ(slice->rejects.size(), 4U);
    std::vector<int64_t> rejected;
    for (const Reject& reject : slice->rejects) rejected.push_back(reject.seq.value);
    EXPECT_THAT(rejected, ElementsAre(1, 3, 5, 7));
    EXPECT_EQ(slice->rejects[0].code, "bad_partition");
    EXPECT_EQ(slice->rejects[0].pointer, "place");
    EXPECT_THAT(slice->rejects[0].reason, HasSubstr("column place is empty text"));
    EXPECT_EQ(slice->rejects[0].payload, place(""));
    EXPECT_EQ(slice->rejects[1].code, "invalid_json");
    EXPECT_THAT(slice->rejects[2].reason, HasSubstr("too long"));
    EXPECT_EQ(slice->rejects[3].code, "bad_partition");
  }
}

TEST(TableTransform, ASqlErrorOnOneLineRejectsThatLineOnly) {
  Plan plan = numbers_plan("SELECT *");
  plan.format = PayloadFormat::kNdjson;
  const auto transform = transform_of(plan, {.sql = even_numbers});
  Messages batch({Seq{1}, Seq{1}});
  batch.add(1, "{\"n\":2}\n\n{\"n\":13}\nnonsense\n{\"n\":4}\n");
  const auto slice = apply(*transform, batch, {Seq{1}, Seq{1}});
  EXPECT_EQ(slice->events, 4);
  EXPECT_EQ(slice->rows->num_rows(), 2);
  ASSERT_EQ(slice->rejects.size(), 2U);
  EXPECT_EQ(slice->rejects[0].row, 2);
  EXPECT_EQ(slice->rejects[0].payload, "{\"n\":13}");
  EXPECT_EQ(slice->rejects[1].row, 3);
}

TEST(TableTransform, TheSameMessagesGiveTheSameSliceHoweverTheyAreCut) {
  const auto transform = transform_of(numbers_plan("SELECT *"), {.sql = even_numbers});
  Messages batch({Seq{1}, Seq{100}});
  for (int64_t seq = 1; seq <= 100; ++seq) batch.add(seq, "{\"n\":" + std::to_string(seq % 20) + "}");
  const auto whole = apply(*transform, batch, {Seq{1}, Seq{100}});
  std::vector<int64_t> pieces;
  size_t rejects = 0;
  for (int64_t first = 1; first <= 100; first += 7) {
    const auto slice = apply(*transform, batch, {Seq{first}, Seq{std::min<int64_t>(first + 6, 100)}});
    for (const int64_t seq : seqs(*slice->rows)) pieces.push_back(seq);
    rejects += slice->rejects.size();
  }
  EXPECT_EQ(seqs(*whole->rows), pieces);
  EXPECT_EQ(whole->rejects.size(), rejects);
  EXPECT_EQ(rejects, 5U);
}

TEST(TableTransform, BytesCountRowsAndRejects) {
  const auto transform = transform_of(numbers_plan());
  Messages batch({Seq{1}, Seq{2}});
  batch.add(1, R"({"n":1})").add(2, std::string(100'000, 'x'));
  EXPECT_GT(apply(*transform, batch, {Seq{1}, Seq{2}})->bytes, 100'000);
}

Status result_of(const SqlRun& sql) {
  const auto transform = transform_of(numbers_plan("SELECT *"), {.sql = sql});
  Messages batch({Seq{1}, Seq{2}});
  batch.add(1, R"({"n":1})").add(2, R"({"n":2})");
  return transform->apply(batch, {Seq{1}, Seq{2}}).status();
}

using Rows = std::shared_ptr<arrow::RecordBatch>;

TEST(TableTransform, SqlThatInventsOrRepeatsOrReordersRowsIsOurDefect) {
  const auto twice = result_of([](const Rows& rows) -> Result<Rows> {
    return arrow::ConcatenateRecordBatches({rows, rows}).ValueOrDie();
  });
  EXPECT_EQ(twice.code(), StatusCode::kInternal);
  const auto reversed = result_of([](const Rows& rows) -> Result<Rows> {
    return arrow::ConcatenateRecordBatches({rows->Slice(1, 1), rows->Slice(0, 1)}).ValueOrDie();
  });
  EXPECT_EQ(reversed.code(), StatusCode::kInternal);
  EXPECT_THAT(reversed.message(), HasSubstr("out of order"));
}

TEST(TableTransform, SqlThatReturnsAnotherSchemaThanThePlansIsOurDefect) {
  const auto status = result_of([](const Rows& rows) -> Result<Rows> { return rows->RemoveColumn(0).ValueOrDie(); });
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_THAT(status.message(), HasSubstr("plan's schema"));
}

TEST(TableTransform, ATypeThatIsRightButCalledNullableIsTakenWhileItHoldsNoNull) {
  const auto nullable = [](const Rows& rows) -> Result<Rows> {
    auto schema = rows->schema()->SetField(0, arrow::field("n", arrow::int64(), true)).ValueOrDie();
    return arrow::RecordBatch::Make(schema, rows->num_rows(), rows->columns());
  };
  EXPECT_TRUE(result_of(nullable).ok());
  const auto with_null = [](const Rows& rows) -> Result<Rows> {
    const auto nulls = arrow::MakeArrayOfNull(arrow::int64(), rows->num_rows()).ValueOrDie();
    return rows->SetColumn(0, arrow::field("n", arrow::int64(), true), nulls).ValueOrDie();
  };
  EXPECT_EQ(result_of(with_null).code(), StatusCode::kInternal);
}

TEST(TableTransform, AnErrorOfTheEngineIsPassedOn) {
  const auto status = result_of([](const Rows&) -> Result<Rows> { return resource_exhausted("no memory"); });
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
}

TEST(TableTransform, SqlAndWhatRunsItComeTogether) {
  const auto plan = std::make_shared<const Plan>(numbers_plan("SELECT *"));
  EXPECT_EQ(TableTransform::create(plan, {}).status().code(), StatusCode::kInvalidArgument);
  const auto without = std::make_shared<const Plan>(numbers_plan());
  EXPECT_EQ(TableTransform::create(without, {.sql = even_numbers}).status().code(), StatusCode::kInvalidArgument);
}

Plan adding_plan() {
  Plan plan = numbers_plan();
  plan.on_unknown_field = UnknownFields::kAddColumn;
  return plan;
}

TEST(TableTransform, ASliceEndsBeforeTheFirstMessageWhoseFieldAsksForAColumn) {
  const auto transform = transform_of(adding_plan(), {.new_columns_max = 10});
  Messages batch({Seq{1}, Seq{60}});
  batch.add(10, R"({"n":1})").add(20, "broken").add(30, R"({"n":3,"color":"red"})").add(40, R"({"n":4,"size":1.5})");
  const auto slice = apply(*transform, batch, {Seq{1}, Seq{60}});
  EXPECT_TRUE(slice->ends_plan);
  EXPECT_EQ(slice->range, (SeqRange{Seq{1}, Seq{29}}));
  EXPECT_THAT(seqs(*slice->rows), ElementsAre(10));
  ASSERT_EQ(slice->rejects.size(), 1U);
  EXPECT_EQ(slice->rejects[0].seq, Seq{20});
  EXPECT_EQ(slice->events, 2);
  EXPECT_EQ(slice->last_event, Seq{20});
  EXPECT_EQ(slice->last_time_us, 20'000);
  ASSERT_EQ(transform->new_columns().size(), 2U) << "those of the whole batch come together";
  EXPECT_EQ(transform->new_columns()[0].name, "color");
  EXPECT_EQ(transform->new_columns()[1].name, "size");
}

TEST(TableTransform, APlanThatEndsWithTheVeryFirstMessageLeavesAnEmptyRange) {
  const auto transform = transform_of(adding_plan(), {.new_columns_max = 10});
  Messages batch({Seq{5}, Seq{9}});
  batch.add(5, R"({"n":1,"color":"red"})").add(6, R"({"n":2})");
  const auto slice = apply(*transform, batch, {Seq{5}, Seq{9}});
  EXPECT_TRUE(slice->ends_plan);
  EXPECT_TRUE(slice->range.empty());
  EXPECT_EQ(slice->range.first, Seq{5});
  EXPECT_EQ(slice->rows->num_rows(), 0);
  EXPECT_EQ(slice->events, 0);
}

TEST(TableTransform, FieldsOfOtherTablesMessagesAskForNothing) {
  const auto transform = transform_of(
      adding_plan(),
      {.takes_subject = [](std::string_view subject) { return subject == "n.a"; }, .new_columns_max = 10});
  Messages batch({Seq{1}, Seq{2}});
  batch.add(1, R"({"n":1,"color":"red"})", "n.b").add(2, R"({"n":2})", "n.a");
  EXPECT_FALSE(apply(*transform, batch, {Seq{1}, Seq{2}})->ends_plan);
}

TEST(TableTransform, WhoReadsEventsAgainIgnoresTheFieldsThatAskForColumns) {
  const auto transform = transform_of(adding_plan());
  Messages batch({Seq{1}, Seq{2}});
  batch.add(1, R"({"n":1,"color":"red"})").add(2, R"({"n":2})");
  const auto slice = apply(*transform, batch, {Seq{1}, Seq{2}});
  EXPECT_FALSE(slice->ends_plan);
  EXPECT_THAT(seqs(*slice->rows), ElementsAre(1, 2));
}

TEST(TableTransform, AFieldThatGetsNoColumnIsToldOnceAndItsEventGoesOn) {
  std::vector<std::string> told;
  const auto transform = transform_of(
      adding_plan(),
      {.new_columns_max = 10, .ignored = [&](const IgnoredField& field) { told.push_back(field.name); }});
  Messages batch({Seq{1}, Seq{2}});
  batch.add(1, R"({"n":1,"Color":"red"})").add(2, R"({"n":2,"Color":"blue"})");
  const auto slice = apply(*transform, batch, {Seq{1}, Seq{2}});
  EXPECT_FALSE(slice->ends_plan);
  EXPECT_THAT(seqs(*slice->rows), ElementsAre(1, 2));
  EXPECT_THAT(told, ElementsAre("Color"));
}

}  // namespace
}  // namespace weir::transform
