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
  EXPECT_THAT(outcome.err, HasSubstr("warning: "));
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
