#include "engine/table_description.h"

#include <gtest/gtest.h>

namespace weir::engine {
namespace {

constexpr const char* kDescription = R"({
  "version": 7, "schema": {"type": "struct", "fields": []}, "partition_columns": ["day"],
  "properties": {"weir.table": "flights"}, "description": null, "num_files": 2, "num_rows": null, "size_bytes": 900,
  "txns": {"weir/flights/0": 41}, "a_member_of_the_future": [1],
  "files": [{"path": "day=1/a.parquet", "size": 500, "num_rows": 3, "modification_time": 17,
             "partition_values": {"day": "1"}, "stats": {"numRecords": 3}},
            {"path": "day=2/b.parquet", "size": 400, "num_rows": null, "modification_time": 18,
             "partition_values": {"day": null}, "stats": null}]})";

TEST(TableDescription, ReadsWhatTheEngineSaysAndIgnoresMembersItDoesNotKnow) {
  const auto table = parse_table_description(kDescription);
  ASSERT_TRUE(table.ok()) << table.status().to_string();
  EXPECT_EQ(table->version, 7);
  EXPECT_EQ(table->partition_columns, std::vector<std::string>{"day"});
  EXPECT_EQ(table->properties.at("weir.table"), "flights");
  EXPECT_EQ(table->txns.at("weir/flights/0"), 41);
  EXPECT_EQ(table->files, 2);
  ASSERT_EQ(table->data_files.size(), 2U);
  EXPECT_EQ(table->data_files[0].stats_json, R"({"numRecords":3})");
  EXPECT_EQ(table->data_files[0].partition_values_json, R"({"day":"1"})");
}

TEST(TableDescription, ARowCountThatIsNotKnownIsNotZero) {
  const auto table = parse_table_description(kDescription);
  ASSERT_TRUE(table.ok());
  EXPECT_FALSE(table->rows.has_value());
  EXPECT_EQ(table->data_files[0].rows, 3);
  EXPECT_FALSE(table->data_files[1].rows.has_value());
  EXPECT_TRUE(table->data_files[1].stats_json.empty());
}

TEST(TableDescription, AnAnswerThatIsNotWhatTheAbiPromisesIsOurOwnDefect) {
  EXPECT_EQ(parse_table_description("{").status().code(), StatusCode::kInternal);
  EXPECT_EQ(parse_table_description("{}").status().code(), StatusCode::kInternal);
  EXPECT_EQ(parse_table_description(R"({"version":"x"})").status().code(), StatusCode::kInternal);
}

}  // namespace
}  // namespace weir::engine
