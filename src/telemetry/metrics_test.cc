#include "telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "telemetry/metric_names.h"
#include "telemetry/pipeline_metrics.h"

namespace weir {
namespace {

using testing::HasSubstr;

TEST(Metrics, ACounterIsRenderedWithItsLabelsAndHelp) {
  MetricsRegistry registry;
  registry.counter(metric::kRows, {"flights", "0"}).add(3);
  const std::string text = registry.render();
  EXPECT_THAT(text, HasSubstr("# TYPE weir_pipeline_output_rows_total counter"));
  EXPECT_THAT(text, HasSubstr("weir_pipeline_output_rows_total{shard=\"0\",table=\"flights\"} 3"));
}

TEST(Metrics, TheSameLabelsAreTheSameSeries) {
  MetricsRegistry registry;
  registry.counter(metric::kRows, {"a", "0"}).add(1);
  registry.counter(metric::kRows, {"a", "0"}).add(1);
  registry.counter(metric::kRows, {"b", "0"}).add(7);
  EXPECT_THAT(registry.render(), HasSubstr("table=\"a\"} 2"));
  EXPECT_THAT(registry.render(), HasSubstr("table=\"b\"} 7"));
}

TEST(Metrics, AHistogramCountsIntoItsBuckets) {
  MetricsRegistry registry;
  const Histogram seconds = registry.histogram(metric::kLakeCommitSeconds, {"a", "0"});
  seconds.observe(0.02);
  seconds.observe(1e9);
  EXPECT_THAT(registry.render(), HasSubstr("weir_lake_commit_seconds_bucket{shard=\"0\",table=\"a\",le=\"0.025\"} 1"));
  EXPECT_THAT(registry.render(), HasSubstr("weir_lake_commit_seconds_count{shard=\"0\",table=\"a\"} 2"));
}

TEST(Metrics, LabelValuesAreEscaped) {
  MetricsRegistry registry;
  registry.counter(metric::kSourceBytes, {"A\"B\n", "0"}).add(1);
  EXPECT_THAT(registry.render(), HasSubstr("stream=\"A\\\"B\\n\""));
}

TEST(Metrics, HandlesMayBeUsedFromManyThreadsWhileOthersRender) {
  MetricsRegistry registry;
  const TableMetrics metrics(registry, "a", 0);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) metrics.rows.add();
      });
    }
    for (int i = 0; i < 20; ++i) (void)registry.render();
  }
  EXPECT_THAT(registry.render(), HasSubstr("weir_pipeline_output_rows_total{shard=\"0\",table=\"a\"} 4000"));
}

TEST(MetricNames, FollowTheNamingRuleAndAreUnique) {
  const std::regex rule(
      "weir_(nats|pipeline|lake|clickhouse|maintain|telemetry)(_[a-z]+)*_(events|rows|bytes|seconds|sequence|state|"
      "messages|lines|fields|commits|inserts|reconciliations|reconnects|files|failures|parts)(_total)?");
  std::set<std::string_view> names;
  for (const MetricSpec* spec : metric::kAll) {
    EXPECT_TRUE(names.insert(spec->name).second) << spec->name;
    EXPECT_TRUE(std::regex_match(std::string(spec->name), rule)) << spec->name;
    EXPECT_EQ(spec->name.ends_with("_total"), spec->kind == MetricKind::kCounter) << spec->name;
    EXPECT_EQ(spec->buckets.empty(), spec->kind != MetricKind::kHistogram) << spec->name;
    EXPECT_TRUE(std::is_sorted(spec->buckets.begin(), spec->buckets.end())) << spec->name;
  }
}

TEST(MetricNames, EveryTableAndSourceMetricIsRegisteredFromTheStart) {
  MetricsRegistry registry;
  const TableMetrics table(registry, "a", 0);
  const SourceMetrics source(registry, "S", 0);
  const MaintenanceMetrics maintenance(registry, "a", {"compact"});
  registry.counter(metric::kSuppressedLines).add(0);
  const std::string text = registry.render();
  for (const MetricSpec* spec : metric::kAll) EXPECT_THAT(text, HasSubstr("# HELP " + std::string(spec->name) + " "));
}

TEST(MetricNames, ThePageInDocsIsTheOneRenderedFromTheTable) {
  const std::string path = WEIR_SOURCE_DIR "/docs/metrics.md";
  if (std::getenv("WEIR_UPDATE_DOCS") != nullptr) std::ofstream(path) << render_metrics_reference();
  std::ostringstream committed;
  committed << std::ifstream(path).rdbuf();
  EXPECT_EQ(committed.str(), render_metrics_reference()) << "run this test with WEIR_UPDATE_DOCS=1";
}

}  // namespace
}  // namespace weir
