#include "schema/column_type.h"

#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace weir {
namespace {

using ::testing::HasSubstr;

ColumnType type(std::string_view text) {
  Result<ColumnType> parsed = parse_column_type(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status().to_string();
  return parsed.ok() ? *parsed : ColumnType{};
}

// The cells of the table under "## Types" in docs/formats/rows.md, without their back-ticks, header excluded.
std::vector<std::vector<std::string>> documented_types() {
  std::ifstream file(WEIR_SOURCE_DIR "/docs/formats/rows.md");
  std::vector<std::vector<std::string>> rows;
  std::string line;
  while (std::getline(file, line) && line != "## Types") {
  }
  while (std::getline(file, line) && !line.starts_with("## ")) {
    if (!line.starts_with("| `")) continue;
    std::vector<std::string> cells;
    std::istringstream in(line);
    std::string cell;
    std::getline(in, cell, '`');
    while (std::getline(in, cell, '`')) {
      cells.push_back(cell);
      std::getline(in, cell, '`');
    }
    rows.push_back(std::move(cells));
  }
  return rows;
}

TEST(TypeMap, IsTheTableOfTheDocumentation) {
  const auto rows = documented_types();
  ASSERT_EQ(rows.size(), 20U);
  for (const std::vector<std::string>& cells : rows) {
    ASSERT_EQ(cells.size(), 5U) << cells.front();
    const ColumnType parsed = type(cells[0]);
    EXPECT_EQ(to_string(parsed), cells[0]);
    EXPECT_EQ(arrow_type(parsed)->ToString(), cells[1]);
    EXPECT_EQ(delta_type(parsed), cells[2]);
    EXPECT_EQ(clickhouse_type(parsed, false), cells[3]);
    EXPECT_EQ(trino_type(parsed), cells[4]);
  }
}

TEST(TypeMap, ClickHouseNullableWrapsEverythingButListsAndStructs) {
  EXPECT_EQ(clickhouse_type(type("decimal(10,2)"), true), "Nullable(Decimal(10,2))");
  EXPECT_EQ(clickhouse_type(type("timestamp"), true), "Nullable(DateTime64(6, 'UTC'))");
  EXPECT_EQ(clickhouse_type(type("list<string>"), true), "Array(String)");
  EXPECT_EQ(clickhouse_type(type("struct<a:uuid>"), true), "Tuple(a UUID)");
}

TEST(TypeMap, AnArrowTypeLeadsBackToTheTypeThatMadeIt) {
  for (const std::vector<std::string>& cells : documented_types()) {
    const ColumnType original = type(cells[0]);
    const Result<ColumnType> back = column_type_of(*arrow_type(original));
    ASSERT_TRUE(back.ok()) << back.status().to_string();
    const bool told_by_layout = original.kind != TypeKind::kUuid && original.kind != TypeKind::kJson;
    EXPECT_EQ(*back, told_by_layout ? original : type("string"));
  }
}

TEST(TypeMap, TheLayoutsTheEngineAnswersWithAreUnderstood) {
  EXPECT_EQ(*column_type_of(*arrow::utf8_view()), type("string"));
  EXPECT_EQ(*column_type_of(*arrow::large_utf8()), type("string"));
  EXPECT_EQ(*column_type_of(*arrow::binary_view()), type("binary"));
  EXPECT_EQ(*column_type_of(*arrow::timestamp(arrow::TimeUnit::MICRO, "+00:00")), type("timestamp"));
}

TEST(TypeMap, AnArrowTypeThatTheStoresCannotHoldIsNamed) {
  const auto message = [](const std::shared_ptr<arrow::DataType>& arrow) {
    const Result<ColumnType> result = column_type_of(*arrow);
    EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument);
    return result.status().message();
  };
  EXPECT_THAT(message(arrow::timestamp(arrow::TimeUnit::NANO)), HasSubstr("timestamp[ns]"));
  EXPECT_THAT(message(arrow::timestamp(arrow::TimeUnit::MICRO)), HasSubstr("cast it to timestamp(us, UTC)"));
  EXPECT_THAT(message(arrow::null()), HasSubstr("CAST(NULL AS ...)"));
  EXPECT_THAT(message(arrow::duration(arrow::TimeUnit::SECOND)), HasSubstr("duration[s]"));
  EXPECT_THAT(message(std::make_shared<arrow::Decimal128Type>(10, -2)), HasSubstr("decimal128(10, -2)"));
  EXPECT_THAT(message(arrow::list(arrow::map(arrow::utf8(), arrow::int64()))), HasSubstr("map<string, int64"));
  EXPECT_THAT(message(arrow::struct_({})), HasSubstr("without fields"));
}

TEST(ParseColumnType, SpacesAreAllowedAndTheSpellingIsOne) {
  EXPECT_EQ(to_string(type(" struct< a : list< decimal( 10 , 2 ) > , b : uint8 > ")),
            "struct<a:list<decimal(10,2)>,b:uint8>");
}

TEST(ParseColumnType, AnErrorNamesTheTextThePlaceAndTheTypesThereAre) {
  EXPECT_EQ(parse_column_type("list<int65>").status().to_string(),
            "invalid argument: type \"list<int65>\", at character 6: not a type; types are bool, int8, int16, int32, "
            "int64, uint8, uint16, uint32, uint64, float32, float64, string, binary, date, timestamp, uuid, json, "
            "decimal(p,s), list<T>, struct<name:T,...>");
}

TEST(ParseColumnType, RefusesWhatIsNotAType) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "not a type"},
      {"INT64", "not a type"},
      {"int64 int64", "nothing more"},
      {"decimal", "'(' is expected"},
      {"decimal(39,0)", "from 1 to 38"},
      {"decimal(0,0)", "from 1 to 38"},
      {"decimal(5,6)", "from 0 to 5"},
      {"decimal(5,-1)", "from 0 to 5"},
      {"decimal(5)", "',' is expected"},
      {"decimal(99999999999,1)", "from 1 to 38"},
      {"list<int8", "'>' is expected"},
      {"list", "'<' is expected"},
      {"struct<>", "names are"},
      {"struct<a>", "':' is expected"},
      {"struct<a:int8,a:int8>", "\"a\" is there twice"},
      {"struct<_a:int8>", "reserved"},
      {"struct<A:int8>", "names are"},
  };
  for (const auto& [text, what] : cases) {
    const Result<ColumnType> result = parse_column_type(text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_THAT(result.status().message(), HasSubstr(what)) << text;
  }
}

TEST(ParseColumnType, NestingIsBounded) {
  std::string deep = "int8";
  for (int i = 0; i < 16; ++i) deep = "list<" + deep + ">";
  EXPECT_TRUE(parse_column_type(deep).ok());
  EXPECT_FALSE(parse_column_type("list<" + deep + ">").ok());
  EXPECT_FALSE(parse_column_type(std::string(1'000'000, '<')).ok());
  std::string endless;
  for (int i = 0; i < 100'000; ++i) endless += "list<";
  EXPECT_THAT(parse_column_type(endless).status().message(), HasSubstr("nest at most 16 deep"));
}

}  // namespace
}  // namespace weir
