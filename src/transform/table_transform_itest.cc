#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "batch/row_ids.h"
#include "engine/engine.h"
#include "engine/sql_plan.h"
#include "transform/table_transform.h"

namespace weir::transform {
namespace {

using testing::HasSubstr;

class Messages final : public MessageBatch {
 public:
  Messages& add(std::string payload) {
    payloads_.push_back(std::move(payload));
    const auto seq = static_cast<int64_t>(payloads_.size());
    messages_.push_back(
        {.seq = Seq{seq}, .time_us = seq, .subject = "flights.aa", .payload = payloads_.back(), .headers = {}});
    return *this;
  }
  SeqRange range() const override { return {Seq{1}, Seq{static_cast<int64_t>(payloads_.size())}}; }
  std::span<const Message> messages() const override { return messages_; }
  int64_t bytes() const override { return 0; }

 private:
  std::deque<std::string> payloads_;
  std::vector<Message> messages_;
};

class SqlTransformTest : public testing::Test {
 protected:
  void SetUp() override {
    auto engine = engine::Engine::open({.worker_threads = 2});
    ASSERT_TRUE(engine.ok()) << engine.status().to_string();
    engine_ = std::move(engine).value();
  }

  // The way a table's transform is made at start: compile, take the row columns from the result, transform.
  std::unique_ptr<TableTransform> make(const std::string& sql, PayloadFormat format = PayloadFormat::kJson) {
    Plan plan;
    plan.table = "flights";
    plan.format = format;
    const auto column = [&plan](const char* name, const char* type, bool required) {
      plan.input.push_back({.name = name,
                            .type = *parse_column_type(type),
                            .from = *parse_value_source(std::string("/") + name),
                            .required = required});
    };
    column("id", "uuid", true);
    column("at", "timestamp", true);
    column("distance", "uint32", false);
    column("hours", "int64", false);
    column("stops", "list<struct<airport:string,minutes:uint16>>", true);
    plan.sql = sql;
    auto compiled = engine::SqlPlan::compile(*engine_, input_arrow_schema(plan), sql);
    EXPECT_TRUE(compiled.ok()) << compiled.status().to_string();
    const Status rows = set_rows_from_sql(*(*compiled)->output_schema(), &plan);
    EXPECT_TRUE(rows.ok()) << rows.to_string();
    plan_ = std::make_shared<const Plan>(plan);
    const std::shared_ptr<engine::SqlPlan> shared = std::move(compiled).value();
    auto transform =
        TableTransform::create(plan_, {.shard = 2, .sql = [shared](const auto& batch) { return shared->run(*batch); }});
    EXPECT_TRUE(transform.ok()) << transform.status().to_string();
    return std::move(transform).value();
  }

  std::shared_ptr<const Slice> apply(TableTransform& transform, const Messages& messages) {
    auto slice = transform.apply(messages, messages.range());
    EXPECT_TRUE(slice.ok()) << slice.status().to_string();
    return slice.ok() ? std::move(slice).value() : nullptr;
  }

  std::unique_ptr<engine::Engine> engine_;
  std::shared_ptr<const Plan> plan_;
};

std::string flight(const std::string& distance, const std::string& hours) {
  return R"({"id":"6f9619ff-8b86-d011-b42d-00c04fc964ff","at":"2013-01-01T10:00:00Z","distance":)" + distance +
         R"(,"hours":)" + hours + R"(,"stops":[{"airport":"JFK","minutes":65535},{"airport":"é","minutes":0}]})";
}

TEST_F(SqlTransformTest, EveryTypePassesThroughSqlUnchanged) {
  const auto transform = make("SELECT * FROM input");
  const auto slice = apply(*transform, Messages().add(flight("4294967295", "-1")).add(flight("null", "null")));
  ASSERT_NE(slice, nullptr);
  EXPECT_EQ(slice->rows->num_rows(), 2);
  EXPECT_TRUE(slice->rows->schema()->Equals(*row_arrow_schema(*plan_)));
  EXPECT_TRUE(slice->rows->ValidateFull().ok());
  EXPECT_EQ(plan_->rows[0].type.kind, TypeKind::kUuid);
  const auto& distance = static_cast<const arrow::UInt32Array&>(*slice->rows->GetColumnByName("distance"));
  EXPECT_EQ(distance.Value(0), 4'294'967'295U);
  EXPECT_TRUE(distance.IsNull(1));
  EXPECT_EQ(static_cast<const arrow::Int32Array&>(*slice->rows->GetColumnByName("_shard")).Value(0), 2);
}

TEST_F(SqlTransformTest, ARowThatTheSqlFailsOnIsRejectedAloneAndTheRestIsCounted) {
  const auto transform =
      make("SELECT *, distance / hours AS speed, CAST(at AS DATE) AS day FROM input WHERE distance > 100");
  Messages messages;
  for (int i = 0; i < 1'000; ++i) messages.add(flight(i % 2 == 0 ? "500" : "50", i == 500 ? "0" : "2"));
  const auto slice = apply(*transform, messages);
  ASSERT_NE(slice, nullptr);
  EXPECT_EQ(slice->events, 1'000);
  ASSERT_EQ(slice->rejects.size(), 1U);
  EXPECT_EQ(slice->rejects[0].seq, Seq{501});
  EXPECT_EQ(slice->rejects[0].code, "sql_error");
  EXPECT_THAT(slice->rejects[0].reason, HasSubstr("zero"));
  EXPECT_EQ(slice->rejects[0].payload, flight("500", "0"));
  EXPECT_EQ(slice->rows->num_rows(), 499);
  EXPECT_EQ(slice->filtered, 500);
}

TEST_F(SqlTransformTest, AFailedCastAndAnOverflowAreTheDatasFault) {
  const auto cast = make("SELECT *, CAST(distance AS SMALLINT) AS small FROM input");
  const auto cast_slice = apply(*cast, Messages().add(flight("1", "1")).add(flight("70000", "1")));
  ASSERT_EQ(cast_slice->rejects.size(), 1U);
  EXPECT_EQ(cast_slice->rejects[0].seq, Seq{2});

  const auto text = make("SELECT *, CAST(id AS INT) AS number FROM input");
  EXPECT_EQ(apply(*text, Messages().add(flight("1", "1")))->rejects.size(), 1U);
}

TEST_F(SqlTransformTest, WhenAllRowsAreLeftOutTheSliceIsEmptyAndTheyAreCounted) {
  const auto transform = make("SELECT id, upper(id) AS label FROM input WHERE distance > 1000000");
  const auto slice = apply(*transform, Messages().add(flight("1", "1")).add(flight("2", "1")));
  EXPECT_EQ(slice->rows->num_rows(), 0);
  EXPECT_EQ(slice->filtered, 2);
  EXPECT_TRUE(slice->rows->schema()->Equals(*row_arrow_schema(*plan_)));
}

TEST_F(SqlTransformTest, ASliceStaysAsItIsWhileLaterOnesAreMade) {
  const auto transform = make("SELECT *, distance * 2 AS twice FROM input");
  const auto first = apply(*transform, Messages().add(flight("21", "1")));
  for (int i = 0; i < 100; ++i)
    ASSERT_NE(apply(*transform, Messages().add(flight("7", "1")).add(flight("8", "1"))), nullptr);
  EXPECT_TRUE(first->rows->ValidateFull().ok());
  EXPECT_EQ(first->rows->GetColumnByName("twice")->GetScalar(0).ValueOrDie()->ToString(), "42");
}

}  // namespace
}  // namespace weir::transform
