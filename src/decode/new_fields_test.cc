#include "decode/new_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decode/decode_fixture.h"
#include "schema/plan_evolution.h"

namespace weir {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Plan adding_plan() {
  Plan plan = plan_of({required(column("id", "int64")), column("city", "string", "/address/city")});
  plan.on_unknown_field = UnknownFields::kAddColumn;
  EXPECT_TRUE(set_rows_from_input(&plan).ok());
  return plan;
}

std::unique_ptr<Decoder> decoder_of(const Plan& plan, int columns_max = kAddedColumnsMax) {
  return Decoder::create(std::make_shared<const Plan>(plan), 0, columns_max).value();
}

DecodedBatch decode(Decoder& decoder, const std::vector<std::string>& payloads) {
  std::vector<Message> messages;
  for (const std::string& payload : payloads) {
    messages.push_back({.seq = Seq{static_cast<int64_t>(messages.size()) + 1}, .subject = "s", .payload = payload});
  }
  auto batch = decoder.decode(messages);
  EXPECT_TRUE(batch.ok()) << batch.status().to_string();
  return std::move(batch).value();
}

// "seq:name type" of each.
std::vector<std::string> asked(const DecodedBatch& batch) {
  std::vector<std::string> texts;
  for (const NewField& field : batch.new_fields) {
    texts.push_back(to_string(field.seq) + ":" + field.column.name + " " + to_string(field.column.type));
  }
  return texts;
}

std::vector<std::string> asked_by(const std::string& payload) {
  return asked(decode(*decoder_of(adding_plan()), {payload}));
}

TEST(NewFields, TheValueDecidesTheType) {
  EXPECT_THAT(asked_by(R"({"id":1,"a":true,"b":-7,"c":1.0,"d":"x","e":[],"f":{"g":1},"h":1e3})"),
              ElementsAre("1:a bool", "1:b int64", "1:c float64", "1:d string", "1:e json", "1:f json", "1:h float64"));
  EXPECT_THAT(asked_by(R"({"id":1 , "a" : 9223372036854775807 , "b" : 9223372036854775808 , "c":1e999 })"),
              ElementsAre("1:a int64", "1:b float64", "1:c json"));
}

TEST(NewFields, NullAsksForNothingYet) {
  EXPECT_THAT(asked_by(R"({"id":1,"a":null})"), IsEmpty());
  EXPECT_THAT(asked(decode(*decoder_of(adding_plan()), {R"({"id":1,"a":null})", R"({"id":1,"a":false})"})),
              ElementsAre("2:a bool"));
}

TEST(NewFields, OnlyTheTopLevelCounts) {
  EXPECT_THAT(asked_by(R"({"id":1,"address":{"city":"Ulm","zip":"89073"}})"), IsEmpty());
}

TEST(NewFields, EachNameIsAskedForOnceByItsFirstValue) {
  EXPECT_THAT(asked(decode(*decoder_of(adding_plan()),
                           {R"({"id":1})", R"({"id":2,"b":1})", R"({"id":3,"a":"x","b":"not a number"})"})),
              ElementsAre("2:b int64", "3:a string"));
}

TEST(NewFields, ABadEventBringsNoColumn) {
  EXPECT_THAT(asked_by(R"({"id":"one","a":1})"), IsEmpty());
  EXPECT_THAT(asked_by(R"({"a":1})"), IsEmpty());
  EXPECT_THAT(asked_by(R"({"id":1,"a":1)"), IsEmpty());
  EXPECT_THAT(asked(decode(*decoder_of(adding_plan()), {R"({"id":"one","a":1})", R"({"id":2,"b":1})"})),
              ElementsAre("2:b int64"));
}

TEST(NewFields, AMessageOfSeveralLinesAsksForTheFieldsOfAll) {
  Plan plan = adding_plan();
  plan.format = PayloadFormat::kNdjson;
  EXPECT_THAT(asked(decode(*decoder_of(plan), {"{\"id\":1,\"a\":1}\n{\"id\":2,\"b\":\"x\"}\n"})),
              ElementsAre("1:a int64", "1:b string"));
}

TEST(NewFields, AFieldThatCannotBeAColumnIsIgnoredAndToldOnce) {
  const auto decoder = decoder_of(adding_plan());
  const DecodedBatch batch = decode(*decoder, {R"({"id":1,"userId":5,"city":"x"})", R"({"id":2,"userId":6})"});
  EXPECT_THAT(batch.new_fields, IsEmpty());
  EXPECT_EQ(batch.rows->num_rows(), 2);
  ASSERT_EQ(batch.ignored_fields.size(), 2U);
  EXPECT_EQ(batch.ignored_fields[0].name, "userId");
  EXPECT_THAT(batch.ignored_fields[0].reason, HasSubstr("[a-z][a-z0-9_]*"));
  EXPECT_THAT(batch.ignored_fields[1].reason, HasSubstr("\"city\" is there already"));
  EXPECT_THAT(decode(*decoder, {R"({"id":3,"userId":7})"}).ignored_fields, IsEmpty());
}

TEST(NewFields, BeyondTheLimitTheRestIsIgnored) {
  const auto decoder = decoder_of(adding_plan(), 2);
  const DecodedBatch batch = decode(*decoder, {R"({"id":1,"a":1,"b":2,"c":3})"});
  EXPECT_THAT(asked(batch), ElementsAre("1:a int64", "1:b int64"));
  ASSERT_EQ(batch.ignored_fields.size(), 1U);
  EXPECT_THAT(batch.ignored_fields[0].reason, HasSubstr("add this one to the pipeline file"));
}

TEST(NewFields, EndlesslyManyIgnoredNamesAreNotAllRemembered) {
  const auto decoder = decoder_of(adding_plan());
  size_t told = 0;
  for (int i = 0; i < 3'000; ++i) {
    told += decode(*decoder, {R"({"id":1,"Name)" + std::to_string(i) + R"(":1})"}).ignored_fields.size();
  }
  EXPECT_EQ(told, 1'000U);
}

TEST(NewFields, WithoutBeingAskedTheDecoderReportsNone) {
  const auto decoder = Decoder::create(std::make_shared<const Plan>(adding_plan()), 0).value();
  const DecodedBatch batch = decode(*decoder, {R"({"id":1,"a":1,"Bad":2})"});
  EXPECT_THAT(batch.new_fields, IsEmpty());
  EXPECT_THAT(batch.ignored_fields, IsEmpty());
}

}  // namespace
}  // namespace weir
