#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "config/config_change.h"
#include "config/key_reference.h"
#include "config/pipeline_file.h"
#include "config/reference_page.h"
#include "config/resolve_rows.h"
#include "config/toml_document.h"

namespace weir {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

const std::string kCheckFolder = WEIR_SOURCE_DIR "/tests/check";
const std::string kExample = WEIR_SOURCE_DIR "/docs/examples/flights.toml";

std::string read_text(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Parses a file of tests/check under its bare name, so that messages do not depend on where the tests run.
ParsedPipelineFile parse_check_file(const std::string& name) {
  return parse_pipeline_file(read_text(kCheckFolder + "/" + name), name);
}

std::vector<std::string> lines_of(const std::vector<ConfigProblem>& problems) {
  std::vector<std::string> lines;
  for (const ConfigProblem& problem : problems) lines.push_back(to_string(problem));
  return lines;
}

std::vector<std::string> broken_files() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kCheckFolder)) {
    if (entry.path().extension() == ".expected") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class BrokenFile : public testing::TestWithParam<std::string> {};

// NAME.expected holds one line per mistake of NAME.toml, in order: how its message begins.
TEST_P(BrokenFile, IsRefusedWithFileLineKeyAndAdvice) {
  const ParsedPipelineFile parsed = parse_check_file(GetParam() + ".toml");
  EXPECT_FALSE(parsed.config.has_value());
  std::vector<testing::Matcher<std::string>> expected;
  std::istringstream lines(read_text(kCheckFolder + "/" + GetParam() + ".expected"));
  for (std::string line; std::getline(lines, line);) expected.emplace_back(StartsWith(line));
  EXPECT_THAT(lines_of(parsed.errors), testing::ElementsAreArray(expected));
  EXPECT_THAT(to_status(parsed.errors).message(), Not(HasSubstr("hunter2")));
}

INSTANTIATE_TEST_SUITE_P(TestsCheck, BrokenFile, testing::ValuesIn(broken_files()),
                         [](const auto& test) { return test.param; });

TEST(BrokenFiles, AreAtLeastTwenty) { EXPECT_GE(broken_files().size(), 20U); }

TEST(GoodFile, TheLeastOneGetsEveryDefault) {
  const ParsedPipelineFile parsed = parse_check_file("good_least.toml");
  ASSERT_THAT(lines_of(parsed.errors), IsEmpty());
  EXPECT_THAT(parsed.warnings, IsEmpty());
  const PipelineConfig& config = *parsed.config;
  EXPECT_EQ(config.lake.url, "s3://bucket/prefix");
  EXPECT_FALSE(config.clickhouse.has_value());
  EXPECT_FALSE(config.trino.has_value());
  ASSERT_THAT(config.tables, SizeIs(1));
  EXPECT_EQ(config.tables[0].start, StartPosition{});
  EXPECT_EQ(config.tables[0].plan.input[0].from.kind, ValueSource::Kind::kPayload);
}

TEST(GoodFile, TheDefaultsOfTheStructsAreThoseOfTheReference) {
  const auto parsed =
      parse_pipeline_file(read_text(kCheckFolder + "/good_least.toml") + "[clickhouse]\n[trino]\n", "f");
  ASSERT_THAT(lines_of(parsed.errors), IsEmpty());
  const PipelineConfig& read = *parsed.config;
  const PipelineConfig made;
  EXPECT_EQ(read.pipeline.data_dir, made.pipeline.data_dir);
  EXPECT_EQ(read.pipeline.shutdown_timeout, made.pipeline.shutdown_timeout);
  EXPECT_EQ(read.nats.url, made.nats.url);
  EXPECT_EQ(read.lake.commit_interval, made.lake.commit_interval);
  EXPECT_EQ(read.lake.target_file_bytes, made.lake.target_file_bytes);
  EXPECT_EQ(read.lake.sync, made.lake.sync);
  const ClickHouseSection clickhouse;
  EXPECT_EQ(read.clickhouse->url, clickhouse.url);
  EXPECT_EQ(read.clickhouse->database, clickhouse.database);
  EXPECT_EQ(read.clickhouse->user, clickhouse.user);
  EXPECT_EQ(read.clickhouse->flush_interval, clickhouse.flush_interval);
  EXPECT_EQ(read.clickhouse->sync, clickhouse.sync);
  EXPECT_EQ(read.engine.memory_bytes_max, made.engine.memory_bytes_max);
  EXPECT_EQ(read.http.host, made.http.host);
  EXPECT_EQ(read.http.port, made.http.port);
  const TrinoSection trino;
  EXPECT_EQ(read.trino->url, trino.url);
  EXPECT_EQ(read.trino->user, trino.user);
  EXPECT_EQ(read.trino->lake_catalog, trino.lake_catalog);
  EXPECT_EQ(read.trino->admin_catalog, trino.admin_catalog);
  EXPECT_EQ(read.trino->clickhouse_catalog, trino.clickhouse_catalog);
  EXPECT_EQ(read.trino->refresh_interval, trino.refresh_interval);
  EXPECT_EQ(read.limits.message_bytes_max, made.limits.message_bytes_max);
  EXPECT_EQ(read.limits.json_depth_max, made.limits.json_depth_max);
  EXPECT_EQ(read.limits.lease_timeout, made.limits.lease_timeout);
  EXPECT_EQ(read.limits.ready_lag, made.limits.ready_lag);
  EXPECT_EQ(read.tables[0].shards, TableSection().shards);
}

TEST(GoodFile, EveryKeyArrivesInItsOption) {
  const ParsedPipelineFile parsed = parse_check_file("good_everything.toml");
  ASSERT_THAT(lines_of(parsed.errors), IsEmpty());
  const PipelineConfig& config = *parsed.config;
  EXPECT_EQ(config.pipeline.name, "every-Thing_1");
  EXPECT_EQ(config.pipeline.shutdown_timeout, std::chrono::minutes(1));
  EXPECT_EQ(config.nats.url, "tls://a.example:4222,tls://b.example:4222");
  EXPECT_EQ(config.nats.password->name, "NATS_PASSWORD");
  EXPECT_EQ(config.nats.tls_key, "/etc/key.pem");
  EXPECT_EQ(config.lake.commit_interval, milliseconds(250));
  EXPECT_EQ(config.lake.target_file_bytes, 64 << 20);
  EXPECT_FALSE(config.lake.sync);
  EXPECT_EQ(config.clickhouse->database, "live");
  EXPECT_EQ(config.clickhouse->flush_interval, milliseconds(50));
  EXPECT_EQ(config.engine.memory_bytes_max, int64_t{2} << 30);
  EXPECT_EQ(config.http.host, "0.0.0.0");
  EXPECT_EQ(config.http.port, 0);
  EXPECT_EQ(config.http.token->name, "WEIR_TOKEN");
  EXPECT_EQ(config.trino->jwt->name, "TRINO_JWT");
  EXPECT_EQ(config.limits.lease_timeout, std::chrono::seconds(5));
  ASSERT_THAT(config.tables, SizeIs(2));
  const TableSection& orders = config.tables[0];
  EXPECT_EQ(orders.start.sequence, 1000);
  EXPECT_EQ(orders.plan.format, PayloadFormat::kNdjson);
  EXPECT_EQ(orders.plan.on_unknown_field, UnknownFields::kReject);
  EXPECT_EQ(orders.plan.message_bytes_max, 1 << 20);
  EXPECT_EQ(orders.plan.json_depth_max, 16);
  EXPECT_EQ(orders.clickhouse_retention, std::chrono::hours(7 * 24));
  EXPECT_THAT(orders.subjects, ElementsAre("orders.new", "orders.*.changed"));
  EXPECT_EQ(orders.plan.input[2].from.token, 2);
  EXPECT_EQ(config.tables[1].start.time_us, 1'769'835'600'500'000);
}

TEST(GoodFile, DefaultsOfColumnsBecomeTheJsonAnEventWouldCarry) {
  const auto config = parse_check_file("good_everything.toml").config;
  std::vector<std::string> defaults;
  for (const InputColumn& column : config->tables[0].plan.input) defaults.push_back(column.default_json.value_or("-"));
  EXPECT_THAT(defaults, ElementsAre("-", "\"1970-01-01\"", "\"none\"", "-", "0.00", "\"2026-01-31T06:00:00Z\"", "[]",
                                    "{\"w\":1,\"h\":2.5}", "{\"a\":[1,true,\"x\"]}", "-"));
}

TEST(GoodFile, HasNothingToWarnOf) {
  EXPECT_THAT(lines_of(parse_check_file("good_everything.toml").warnings), IsEmpty());
}

TEST(GoodFile, TheExampleOfTheDocumentationIsOne) {
  const ParsedPipelineFile parsed = load_pipeline_file(kExample);
  EXPECT_THAT(lines_of(parsed.errors), IsEmpty());
  EXPECT_THAT(lines_of(parsed.warnings), IsEmpty());
}

TEST(LoadPipelineFile, AFileThatIsNotThereIsNamed) {
  const ParsedPipelineFile parsed = load_pipeline_file("/nonexistent/x.toml");
  EXPECT_THAT(lines_of(parsed.errors), ElementsAre("/nonexistent/x.toml: cannot be read: No such file or directory"));
}

TEST(LoadPipelineFile, AFolderIsNoPipelineFile) { EXPECT_THAT(load_pipeline_file("/tmp").errors, SizeIs(1)); }

TEST(Parse, AnyCutOfAGoodFileIsAnsweredWithoutACrash) {
  const std::string text = read_text(kCheckFolder + "/good_everything.toml");
  for (size_t size = 0; size < text.size(); size += 7) {
    const ParsedPipelineFile parsed = parse_pipeline_file(text.substr(0, size), "cut");
    EXPECT_NE(parsed.config.has_value(), !parsed.errors.empty()) << size;
  }
}

TEST(Parse, AnyDamageToAGoodFileIsAnsweredWithoutACrash) {
  const std::string text = read_text(kCheckFolder + "/good_everything.toml");
  std::mt19937 random(20260131);
  for (int round = 0; round < 3'000; ++round) {
    std::string damaged = text;
    for (int i = 0; i < 3; ++i) {
      const size_t place = random() % damaged.size();
      const std::string_view spice = "\"'[]{}=.,#\n\\\0\xff\x80 0-9eE_>*:/";
      switch (random() % 3) {
        case 0: damaged[place] = spice[random() % spice.size()]; break;
        case 1: damaged.erase(place, 1 + random() % 20); break;
        default: damaged.insert(place, damaged.substr(random() % damaged.size(), random() % 40)); break;
      }
    }
    const ParsedPipelineFile parsed = parse_pipeline_file(damaged, "damaged");
    EXPECT_NE(parsed.config.has_value(), !parsed.errors.empty()) << damaged;
  }
}

TEST(Secrets, AreReadOnlyWhenAsked) {
  const SecretVariable variable{"WEIR_TEST_SECRET_VARIABLE"};
  EXPECT_THAT(variable.read().status().message(), HasSubstr("WEIR_TEST_SECRET_VARIABLE is not set"));
  ASSERT_EQ(setenv("WEIR_TEST_SECRET_VARIABLE", "s3", 1), 0);
  EXPECT_EQ(*variable.read(), "s3");
}

TEST(ResolveRows, WithoutSqlTheRowsAreTheColumns) {
  auto config = parse_check_file("good_least.toml").config;
  EXPECT_THAT(resolve_rows(&*config, [](const Plan&) { return internal_error("not called"); }), IsEmpty());
  EXPECT_EQ(config->tables[0].plan.rows[0].name, "body");
  EXPECT_TRUE(config->tables[0].plan.rows[0].nullable);
}

TEST(ResolveRows, WithSqlTheRowsAreTheResultOfTheChecker) {
  auto config = load_pipeline_file(kExample).config;
  const auto result =
      arrow::schema({arrow::field("carrier", arrow::utf8(), false),
                     arrow::field("scheduled_at", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), false),
                     arrow::field("day", arrow::date32(), false)});
  const SqlChecker checker = [&](const Plan& plan) -> Result<std::shared_ptr<arrow::Schema>> {
    EXPECT_THAT(plan.sql, StartsWith("SELECT *"));
    return result;
  };
  EXPECT_THAT(lines_of(resolve_rows(&*config, checker)), IsEmpty());
  EXPECT_THAT(config->tables[0].plan.rows, SizeIs(3));
}

TEST(ResolveRows, ARefusedSqlNamesTableFileAndLine) {
  auto config = parse_check_file("good_everything.toml").config;
  const auto problems = resolve_rows(&*config, [](const Plan&) { return invalid_argument("no field \"id2\""); });
  EXPECT_THAT(lines_of(problems), ElementsAre("good_everything.toml:120: table[since].sql: no field \"id2\""));
}

TEST(ResolveRows, AKeyThatTheSqlDoesNotYieldIsRefused) {
  auto config = load_pipeline_file(kExample).config;
  const SqlChecker checker = [](const Plan&) -> Result<std::shared_ptr<arrow::Schema>> {
    return arrow::schema({arrow::field("carrier", arrow::utf8(), false)});
  };
  EXPECT_THAT(lines_of(resolve_rows(&*config, checker)),
              ElementsAre(HasSubstr("table[flights].sql: partition_by \"day\"")));
}

TEST(ResolveRows, TheRowsOfAFollowedTableAreTheInputOfItsFollowersInAnyOrderOfTheFile) {
  const std::string followers = R"(
[[table]]
name = "third"
from_table = "second"
sql = "SELECT * FROM input"
[[table]]
name = "second"
from_table = "events"
sql = "SELECT body AS text FROM input"
)";
  auto config = parse_pipeline_file(read_text(kCheckFolder + "/good_least.toml") + followers, "f").config;
  ASSERT_TRUE(config.has_value());
  const SqlChecker checker = [](const Plan& plan) -> Result<std::shared_ptr<arrow::Schema>> {
    if (plan.table == "third") return input_arrow_schema(plan);
    return arrow::schema({arrow::field("text", arrow::utf8(), false)});
  };
  EXPECT_THAT(lines_of(resolve_rows(&*config, checker)), IsEmpty());
  EXPECT_EQ(config->tables[1].source(), "table/second");
  EXPECT_EQ(config->tables[1].plan.rows, config->tables[2].plan.rows);
  EXPECT_TRUE(config->tables[1].plan.input[0].required);
  EXPECT_EQ(config->tables[2].plan.input[0].type.kind, TypeKind::kJson) << "the type in the file, not the one in memory";
}

TEST(ResolveRows, AFollowedTableWithARefusedSqlIsReportedOnce) {
  auto config = parse_pipeline_file(read_text(kCheckFolder + "/good_least.toml") +
                                        "[[table]]\nname = \"a\"\nfrom_table = \"events\"\nsql = \"no\"\n"
                                        "[[table]]\nname = \"b\"\nfrom_table = \"a\"\nsql = \"SELECT * FROM input\"\n",
                                    "f")
                    .config;
  const auto problems = resolve_rows(&*config, [](const Plan&) { return invalid_argument("not a SELECT"); });
  EXPECT_THAT(lines_of(problems), ElementsAre(HasSubstr("table[a].sql: not a SELECT")));
}

// SQL with a star passes every input column on; any other yields `a` only.
Result<std::shared_ptr<arrow::Schema>> star_or_a(const Plan& plan) {
  if (plan.sql.find('*') != std::string::npos) return input_arrow_schema(plan);
  return arrow::schema({arrow::field("a", arrow::int64())});
}

TEST(ResolveRows, AddColumnNeedsSqlThatPassesEveryColumnOn) {
  Plan plan;
  plan.table = "t";
  plan.on_unknown_field = UnknownFields::kAddColumn;
  plan.input = {{.name = "a", .type = *parse_column_type("int64"), .from = *parse_value_source("/a")}};
  EXPECT_TRUE(resolve_rows(&plan, star_or_a).ok()) << "without SQL";
  plan.sql = "SELECT * FROM input WHERE a > 0";
  EXPECT_TRUE(resolve_rows(&plan, star_or_a).ok());
  EXPECT_THAT(plan.rows, SizeIs(1));
  plan.sql = "SELECT a FROM input";
  EXPECT_THAT(resolve_rows(&plan, star_or_a).message(), HasSubstr("write SELECT *"));
  plan.on_unknown_field = UnknownFields::kIgnore;
  EXPECT_TRUE(resolve_rows(&plan, star_or_a).ok());
}

TEST(ConfigChange, NamesTheSectionsThatDiffer) {
  const PipelineConfig before = *parse_check_file("good_everything.toml").config;
  PipelineConfig after = before;
  EXPECT_THAT(changed_sections(before, after), IsEmpty());
  after.tables.clear();
  EXPECT_THAT(changed_sections(before, after), IsEmpty()) << "tables are looked at one by one";
  after.lake.commit_interval = milliseconds(1);
  after.clickhouse.reset();
  EXPECT_THAT(changed_sections(before, after), ElementsAre("lake", "clickhouse"));
}

TEST(ConfigChange, ATableThatOnlyMovedInTheFileIsTheSame) {
  const TableSection before = parse_check_file("good_least.toml").config->tables[0];
  TableSection after = before;
  after.line += 10;
  after.sql_line += 10;
  EXPECT_FALSE(table_changed(before, after));
  after.subjects.emplace_back("more");
  EXPECT_TRUE(table_changed(before, after));
  after = before;
  after.plan.json_depth_max = 3;
  EXPECT_TRUE(table_changed(before, after));
}

TEST(Reference, NamesEveryKeyOnceAndItsDefaultsAreToml) {
  for (const SectionSpec& section : config_sections()) {
    std::set<std::string_view> keys;
    for (const KeySpec& key : section.keys) {
      EXPECT_TRUE(keys.insert(key.key).second) << section.name << "." << key.key;
      EXPECT_FALSE(key.meaning.empty()) << key.key;
      EXPECT_FALSE(key.required && !key.fallback.empty()) << key.key;
      if (key.fallback.empty()) continue;
      const auto parsed = parse_toml("value = " + std::string(key.fallback));
      EXPECT_TRUE(std::holds_alternative<TomlValue::Table>(parsed)) << key.key;
    }
  }
}

TEST(Reference, ThePageInDocsIsTheOneRenderedFromTheTable) {
  const std::string path = WEIR_SOURCE_DIR "/docs/configuration.md";
  if (std::getenv("WEIR_UPDATE_DOCS") != nullptr) std::ofstream(path) << render_configuration_reference();
  EXPECT_EQ(read_text(path), render_configuration_reference()) << "run this test with WEIR_UPDATE_DOCS=1";
}

}  // namespace
}  // namespace weir
