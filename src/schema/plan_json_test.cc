#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

#include "schema/table_schema.h"

namespace weir {
namespace {

using ::testing::HasSubstr;

Plan full_plan() {
  Plan plan;
  plan.table = "flights";
  plan.format = PayloadFormat::kNdjson;
  plan.on_unknown_field = UnknownFields::kReject;
  plan.input = {{"a", *parse_column_type("decimal(10,2)"), *parse_value_source("/x/y"), false, "1.50"},
                {"b", *parse_column_type("list<struct<x:int8>>"), *parse_value_source("header:H"), true, std::nullopt},
                {"c", *parse_column_type("string"), *parse_value_source("subject:3"), true, std::nullopt}};
  plan.sql = "SELECT *, '\"quoted\"\n' AS q FROM input";
  plan.rows = {{"a", *parse_column_type("decimal(10,2)"), false}, {"q", *parse_column_type("string"), true}};
  plan.partition_by = {"c"};
  plan.order_by = {"a"};
  plan.message_bytes_max = 1'000;
  plan.json_depth_max = 7;
  return plan;
}

TEST(PlanJson, IsReadBackWithoutLoss) {
  const Plan plan = full_plan();
  const Result<Plan> back = plan_from_json(to_json(plan));
  ASSERT_TRUE(back.ok()) << back.status().to_string();
  EXPECT_EQ(to_json(*back), to_json(plan));
  EXPECT_EQ(back->id(), plan.id());
  EXPECT_EQ(back->input[0].default_json, "1.50");
  EXPECT_EQ(back->input[1].from.text, "H");
  EXPECT_EQ(back->rows, plan.rows);
  EXPECT_EQ(back->format, PayloadFormat::kNdjson);
  EXPECT_EQ(back->on_unknown_field, UnknownFields::kReject);
}

TEST(PlanJson, TheExampleOfTheDocumentationIsAPlan) {
  std::ifstream file(WEIR_SOURCE_DIR "/docs/formats/plans.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string page = text.str();
  const size_t begin = page.find("```json\n") + 8;
  const Result<Plan> plan = plan_from_json(std::string_view(page).substr(begin, page.find("```", begin) - begin));
  ASSERT_TRUE(plan.ok()) << plan.status().to_string();
  EXPECT_EQ(plan->table, "flights");
  EXPECT_EQ(plan->message_bytes_max, Plan{}.message_bytes_max);
}

TEST(PlanId, ChangesWithEverythingThatDecidesRows) {
  const std::function<void(Plan*)> changes[] = {
      [](Plan* plan) { plan->table = "other"; },
      [](Plan* plan) { plan->format = PayloadFormat::kJson; },
      [](Plan* plan) { plan->on_unknown_field = UnknownFields::kIgnore; },
      [](Plan* plan) { plan->input[0].default_json = "1.5"; },
      [](Plan* plan) { plan->input[0].default_json.reset(); },
      [](Plan* plan) { plan->input[1].from.text = "G"; },
      [](Plan* plan) { plan->input[2].from.token = 4; },
      [](Plan* plan) { plan->input[2].required = false; },
      [](Plan* plan) { std::swap(plan->input[0], plan->input[1]); },
      [](Plan* plan) { plan->sql.clear(); },
      [](Plan* plan) { plan->rows[0].type.scale = 1; },
      [](Plan* plan) { plan->message_bytes_max = 1'001; },
      [](Plan* plan) { plan->json_depth_max = 8; },
  };
  for (const auto& change : changes) {
    Plan plan = full_plan();
    EXPECT_EQ(plan.id(), full_plan().id());
    change(&plan);
    EXPECT_NE(plan.id(), full_plan().id()) << to_json(plan);
  }
}

TEST(PlanJson, EveryMemberIsNeededAndNoOtherIsTaken) {
  const auto json = nlohmann::ordered_json::parse(to_json(full_plan()));
  for (const auto& [key, value] : json.items()) {
    auto without = json;
    without.erase(key);
    const Result<Plan> plan = plan_from_json(without.dump());
    ASSERT_FALSE(plan.ok()) << key;
    EXPECT_THAT(plan.status().message(), HasSubstr(key));
  }
  auto more = json;
  more["surprise"] = 1;
  EXPECT_THAT(plan_from_json(more.dump()).status().message(), HasSubstr("does not know"));
}

TEST(PlanJson, AMalformedMemberIsNamedWithItsPlace) {
  const auto message_after = [](const std::string& pointer, const nlohmann::ordered_json& value) {
    auto json = nlohmann::ordered_json::parse(to_json(full_plan()));
    json[nlohmann::ordered_json::json_pointer(pointer)] = value;
    return plan_from_json(json.dump()).status().message();
  };
  EXPECT_EQ(message_after("/version", 2), "plan: version: a number in range is expected");
  EXPECT_EQ(message_after("/format", "avro"), "plan: format: a known word is expected");
  EXPECT_EQ(message_after("/input/1/name", 7), "plan/input/1: name: text is expected");
  EXPECT_EQ(message_after("/input/1/default_json", 7), "plan/input/1: default_json: text is expected");
  EXPECT_THAT(message_after("/input/0/type", "int65"), HasSubstr("plan/input/0: type \"int65\""));
  EXPECT_THAT(message_after("/input/0/from", "a"), HasSubstr("plan/input/0: from = \"a\""));
  EXPECT_EQ(message_after("/input/0/required", "yes"), "plan/input/0: required: true or false is expected");
  EXPECT_EQ(message_after("/rows", 1), "plan: rows: a list is expected");
  EXPECT_EQ(message_after("/rows/0", 1), "plan/rows/0: an object is expected");
  EXPECT_EQ(message_after("/partition_by", {1}), "plan: partition_by: a list of texts is expected");
  EXPECT_EQ(message_after("/json_depth_max", 0), "plan: json_depth_max: a number in range is expected");
  EXPECT_EQ(message_after("/json_depth_max", 1.5), "plan: json_depth_max: an integer is expected");
  EXPECT_EQ(message_after("/message_bytes_max", 18446744073709551615ULL),
            "plan: message_bytes_max: a number in range is expected");
}

TEST(PlanJson, TextThatIsNotAPlanIsRefused) {
  for (const char* text : {"", "{", "[]", "1", "null", "{}"}) EXPECT_FALSE(plan_from_json(text).ok()) << text;
}

}  // namespace
}  // namespace weir
