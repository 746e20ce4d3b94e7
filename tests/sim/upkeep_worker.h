#pragma once

#include <functional>
#include <map>
#include <string>

#include "maintain/options.h"
#include "maintain/step_report.h"
#include "tests/fakes/faults.h"
#include "tests/sim/invariants.h"

namespace weir::sim {

/// Runs the product's upkeep over both tables of the lake: in one `weir run`, or as one `weir maintain`.
class UpkeepWorker {
 public:
  using Random = std::function<int64_t(int64_t below)>;

  UpkeepWorker(Stores& stores, fakes::Faults faults, Random random)
      : stores_(stores), faults_(std::move(faults)), random_(std::move(random)) {}

  /// One table, all steps or some of them, with options that change from round to round. Throws Killed.
  void round();

  /// Inside a round: somebody else runs meanwhile.
  [[nodiscard]] bool busy() const { return busy_; }
  /// What no correct run meets; empty otherwise.
  [[nodiscard]] const std::string& violation() const { return violation_; }

 private:
  [[nodiscard]] maintain::Options options();
  [[nodiscard]] std::map<std::string, std::string> documents() const;
  void take(const maintain::StepReport& report);

  Stores& stores_;
  const fakes::Faults faults_;
  const Random random_;
  bool busy_ = false;
  std::string violation_;
};

}  // namespace weir::sim
