#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <mutex>
#include <vector>

#include "app/pipeline_run.h"
#include "cli/demo_publisher.h"

namespace weir::cli {

/// Times from publish to visible, collected while events arrive at a steady rate. Thread-safe.
class FreshnessSamples {
 public:
  void add(bool hot, double seconds);
  /// p of 0..1, in milliseconds; 0 without samples.
  [[nodiscard]] double percentile_ms(bool hot, double p) const;

 private:
  mutable std::mutex mutex_;
  std::vector<double> samples_[2];
};

/// Reads both stores back and prints what they hold, whether everything published is accounted for, dead letters by code,
/// freshness, positions, and one query by each store. The result: everything fits.
[[nodiscard]] Result<bool> print_demo_report(const PipelineConfig& config, app::PipelineRun& run,
                                             const Published& published, const FreshnessSamples& freshness,
                                             std::ostream& out);

}  // namespace weir::cli
