#include "telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cassert>

namespace weir {
namespace {

prometheus::Labels labels_of(const MetricSpec& spec, const std::vector<std::string>& values) {
  assert(spec.labels.size() == values.size());
  prometheus::Labels labels;
  for (size_t i = 0; i < spec.labels.size(); ++i) labels.emplace(spec.labels[i], values[i]);
  return labels;
}

// Registering the same family again merges into the one that is there (InsertBehavior::Merge).
template <typename Builder>
auto& family(Builder builder, const MetricSpec& spec, prometheus::Registry& registry) {
  return builder.Name(std::string(spec.name)).Help(std::string(spec.help)).Register(registry);
}

}  // namespace

struct MetricsRegistry::Families {
  prometheus::Registry registry;
};

void Counter::add(int64_t n) const { series_->Increment(static_cast<double>(n)); }
void Gauge::set(double value) const { series_->Set(value); }
void Histogram::observe(double value) const { series_->Observe(value); }

MetricsRegistry::MetricsRegistry() : families_(std::make_unique<Families>()) {}
MetricsRegistry::~MetricsRegistry() = default;

Counter MetricsRegistry::counter(const MetricSpec& spec, const std::vector<std::string>& label_values) {
  assert(spec.kind == MetricKind::kCounter);
  return Counter(&family(prometheus::BuildCounter(), spec, families_->registry).Add(labels_of(spec, label_values)));
}

Gauge MetricsRegistry::gauge(const MetricSpec& spec, const std::vector<std::string>& label_values) {
  assert(spec.kind == MetricKind::kGauge);
  return Gauge(&family(prometheus::BuildGauge(), spec, families_->registry).Add(labels_of(spec, label_values)));
}

Histogram MetricsRegistry::histogram(const MetricSpec& spec, const std::vector<std::string>& label_values) {
  assert(spec.kind == MetricKind::kHistogram);
  const prometheus::Histogram::BucketBoundaries buckets(spec.buckets.begin(), spec.buckets.end());
  return Histogram(
      &family(prometheus::BuildHistogram(), spec, families_->registry).Add(labels_of(spec, label_values), buckets));
}

std::string MetricsRegistry::render() const {
  auto collected = families_->registry.Collect();
  std::sort(collected.begin(), collected.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return prometheus::TextSerializer().Serialize(collected);
}

}  // namespace weir
