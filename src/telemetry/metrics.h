#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace weir {

enum class MetricKind : uint8_t { kCounter, kGauge, kHistogram };

/// One metric as written in metric_names.h, the only place where metrics are named.
struct MetricSpec {
  std::string_view name;  ///< weir_<module>_<name>_<unit>, counters with _total.
  MetricKind kind = MetricKind::kCounter;
  std::span<const std::string_view> labels;  ///< Label names, in the order values are given.
  std::string_view help;
  std::span<const double> buckets;  ///< kHistogram: upper bounds, ascending, in the metric's unit.
};

/// Handles: one time series each. Cheap to copy, thread-safe, valid as long as their registry.
class Counter {
 public:
  void add(int64_t n = 1) const;  ///< Requires: n >= 0.

 private:
  friend class MetricsRegistry;
  explicit Counter(prometheus::Counter* series) : series_(series) {}
  prometheus::Counter* series_;
};

class Gauge {
 public:
  void set(double value) const;

 private:
  friend class MetricsRegistry;
  explicit Gauge(prometheus::Gauge* series) : series_(series) {}
  prometheus::Gauge* series_;
};

class Histogram {
 public:
  void observe(double value) const;

 private:
  friend class MetricsRegistry;
  explicit Histogram(prometheus::Histogram* series) : series_(series) {}
  prometheus::Histogram* series_;
};

/// All time series of one process. Made once in the composition root, passed by reference, outlives every handle.
/// Thread-safe. Asking twice for the same spec and label values yields the same series.
class MetricsRegistry {
 public:
  MetricsRegistry();
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  /// Requires: spec.kind fits the function, one value per spec.labels.
  [[nodiscard]] Counter counter(const MetricSpec& spec, const std::vector<std::string>& label_values = {});
  [[nodiscard]] Gauge gauge(const MetricSpec& spec, const std::vector<std::string>& label_values = {});
  [[nodiscard]] Histogram histogram(const MetricSpec& spec, const std::vector<std::string>& label_values = {});

  /// Prometheus text exposition format 0.0.4, metrics sorted by name.
  [[nodiscard]] std::string render() const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace weir
