#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "cli/exit_code.h"
#include "cli/run.h"
#include "cli/text_table.h"

namespace weir::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::string kExample = WEIR_SOURCE_DIR "/docs/examples/flights.toml";
const std::string kCheckFolder = WEIR_SOURCE_DIR "/tests/check/";

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

// The example's SQL adds a day to its columns; that is all this engine knows.
Result<std::shared_ptr<arrow::Schema>> fake_engine(const Plan& plan) {
  if (plan.sql.find("SELECT *") == std::string::npos) return invalid_argument("column \"id2\" not found");
  return input_arrow_schema(plan)->AddField(0, arrow::field("day", arrow::date32(), false)).ValueOrDie();
}

Outcome weir(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "weir");
  std::ostringstream out;
  std::ostringstream err;
  const int code = run(commands(), {.out = out, .err = err, .check_sql = fake_engine},
                       static_cast<int>(arguments.size()), arguments.data());
  return {code, out.str(), err.str()};
}

TEST(Weir, PrintsItsVersionAndHelp) {
  EXPECT_THAT(weir({"--version"}).out, StartsWith("weir 0."));
  const Outcome help = weir({"--help"});
  EXPECT_EQ(help.code, kDone);
  EXPECT_THAT(help.out, HasSubstr("check"));
}

TEST(Weir, WrongUsageIsExitCode2) {
  for (const auto& arguments : std::vector<std::vector<const char*>>{{},
                                                                     {"frobnicate"},
                                                                     {"check"},
                                                                     {"check", "a", "b"},
                                                                     {"check", "--nope", "a"},
                                                                     {"--log-level", "loud", "check", "a"}}) {
    const Outcome outcome = weir(arguments);
    EXPECT_EQ(outcome.code, kWrongUsage);
    EXPECT_THAT(outcome.err, Not(IsEmpty()));
    EXPECT_THAT(outcome.out, IsEmpty());
  }
}

TEST(Backfill, OptionsThatContradictEachOtherAreWrongUsage) {
  const std::vector<std::vector<const char*>> contradictions = {
      {"--to", "clickhouse", "--list", "--cancel"},
      {"--to", "clickhouse", "--resume", "--pause"},
      {"--to", "clickhouse", "--from-stream"},
      {"--to", "lake", "--from-stream", "--list"},
      {"--to", "lake", "--from-stream", "--where", "a > 1"},
      {"--to", "lake"},
      {"--to", "moon"},
  };
  for (std::vector<const char*> arguments : contradictions) {
    arguments.insert(arguments.begin(), {"backfill", kExample.c_str(), "--table", "flights"});
    const Outcome outcome = weir(arguments);
    EXPECT_EQ(outcome.code, kWrongUsage) << arguments[5];
    EXPECT_THAT(outcome.err, Not(IsEmpty())) << arguments[5];
  }
}

TEST(Check, OfTheExamplePrintsItsSchemasInEveryStore) {
  const Outcome outcome = weir({"check", kExample.c_str()});
  EXPECT_EQ(outcome.code, kDone) << outcome.err;
  EXPECT_THAT(outcome.err, IsEmpty());
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("table flights from stream FLIGHTS"), HasSubstr("weir.flights"),
                                 HasSubstr("partitioned by day"), HasSubstr("is valid: 1 table")));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("departure_delay +int32 +INT +Nullable\\(Int32\\) +integer +yes"));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("_subject +string +STRING +LowCardinality\\(String\\) +varchar +no"));
}

TEST(Check, OfALakeOnlyPipelineShowsNoClickHouse) {
  const Outcome outcome = weir({"check", (kCheckFolder + "good_least.toml").c_str()});
  EXPECT_EQ(outcome.code, kDone) << outcome.err;
  EXPECT_THAT(outcome.out, Not(HasSubstr("ClickHouse")));
}

TEST(Check, SaysWhatColumnsLookLikeThroughTrino) {
  const Outcome outcome = weir({"check", (kCheckFolder + "good_trino.toml").c_str()});
  EXPECT_EQ(outcome.code, kDone) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("  Trino       ocean.weir.events\n"),
                                 HasSubstr(" array(row(at timestamp(3) with time zone, price decimal(10,2))) "),
                                 HasSubstr("  Trino rounds times to milliseconds: sold, lines, _time\n")));
  const Outcome without = weir({"check", (kCheckFolder + "good_least.toml").c_str()});
  EXPECT_THAT(without.out, Not(HasSubstr("Trino rounds")));
  const Outcome as_json = weir({"check", (kCheckFolder + "good_trino.toml").c_str(), "--json"});
  const auto table = nlohmann::json::parse(as_json.out)["tables"][0];
  EXPECT_EQ(table["trino"], "ocean.weir.events");
  EXPECT_EQ(table["columns"][0]["trino_rounds_to_ms"], true);
  EXPECT_EQ(table["columns"][2]["trino_rounds_to_ms"], false);
}

TEST(Check, WarnsOnStderrOfWhatHasNoEffect) {
  const auto path = std::filesystem::path(testing::TempDir()) / "weir_check_warning.toml";
  std::ifstream least(kCheckFolder + "good_least.toml");
  std::string text{std::istreambuf_iterator<char>(least), {}};
  text.insert(text.find("  [[table.column]]"), "clickhouse_retention = \"1d\"\n");
  std::ofstream(path) << text;
  const Outcome outcome = weir({"check", path.c_str()});
  std::filesystem::remove(path);
  EXPECT_EQ(outcome.code, kDone) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("warning: "));
  EXPECT_THAT(outcome.out, Not(HasSubstr("warning: ")));
}

TEST(Trino, NeedsEitherAFolderOrRefreshAndASectionOfTheFile) {
  for (const auto& arguments : std::vector<std::vector<const char*>>{
           {"trino", kExample.c_str()}, {"trino", kExample.c_str(), "--out", "x", "refresh"}}) {
    const Outcome outcome = weir(arguments);
    EXPECT_EQ(outcome.code, kWrongUsage);
    EXPECT_THAT(outcome.err, HasSubstr("--out DIR"));
  }
}

TEST(Check, JsonIsOneObjectWithEveryColumn) {
  const Outcome outcome = weir({"check", kExample.c_str(), "--json"});
  EXPECT_EQ(outcome.code, kDone);
  const auto report = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(report["valid"], true);
  EXPECT_EQ(report["tables"][0]["columns"][0]["delta"], "DATE");
  EXPECT_EQ(report["tables"][0]["columns"].back()["name"], "_subject");
}

TEST(Check, EveryBrokenFileIsExitCode2WithItsErrorsOnStderrOnly) {
  for (const auto& entry : std::filesystem::directory_iterator(kCheckFolder)) {
    if (entry.path().extension() != ".toml" || entry.path().stem().string().starts_with("good")) continue;
    const Outcome outcome = weir({"check", entry.path().c_str()});
    EXPECT_EQ(outcome.code, kWrongUsage) << entry.path();
    EXPECT_THAT(outcome.err, HasSubstr("error: " + entry.path().string())) << entry.path();
    EXPECT_THAT(outcome.out, IsEmpty()) << entry.path();
  }
}

TEST(Check, ABrokenFileAsJsonListsErrorsWithLines) {
  const Outcome outcome = weir({"--json", "check", (kCheckFolder + "many_mistakes.toml").c_str()});
  EXPECT_EQ(outcome.code, kWrongUsage);
  const auto report = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(report["errors"].size(), 9U);
  EXPECT_EQ(report["errors"][1]["line"], 2);
  EXPECT_EQ(report["tables"].size(), 0U);
}

TEST(Check, SqlThatTheEngineRefusesIsAnErrorOfItsLine) {
  const Outcome outcome = weir({"check", (kCheckFolder + "good_everything.toml").c_str()});
  EXPECT_EQ(outcome.code, kWrongUsage);
  EXPECT_THAT(outcome.err, HasSubstr("good_everything.toml:120: table[since].sql: column \"id2\" not found"));
}

TEST(Check, PrintsTheConfigurationReferenceWithoutAFile) {
  std::ostringstream page;
  page << std::ifstream(WEIR_SOURCE_DIR "/docs/configuration.md").rdbuf();
  const Outcome outcome = weir({"check", "--print-configuration-reference"});
  EXPECT_EQ(outcome.code, kDone);
  EXPECT_EQ(outcome.out, page.str());
}

TEST(ExitCode, TellsWrongUsageAndFencingFromFailure) {
  EXPECT_EQ(exit_code(ok_status()), 0);
  EXPECT_EQ(exit_code(unavailable("x")), 1);
  EXPECT_EQ(exit_code(invalid_argument("x")), 2);
  EXPECT_EQ(exit_code(fenced("x")), 4);
}

TEST(TextTable, AlignsByCharactersNotBytes) {
  TextTable table;
  table.add({"a", "b"});
  table.add({"\u00e9\u00e9\u00e9", "x"});
  EXPECT_EQ(table.render("  "), "  a    b\n  \u00e9\u00e9\u00e9  x\n");
}

}  // namespace
}  // namespace weir::cli
