#include "maintain/options.h"

#include <array>

namespace weir::maintain {
namespace {

struct StepName {
  Step step;
  std::string_view name;
};

constexpr std::array kStepNames = {
    StepName{Step::kCompact, "compact"}, StepName{Step::kCheckpoint, "checkpoint"}, StepName{Step::kCleanLog, "clean-log"},
    StepName{Step::kVacuum, "vacuum"},   StepName{Step::kParts, "parts"},
};

}  // namespace

std::string_view to_string(Step step) {
  for (const StepName& known : kStepNames) {
    if (known.step == step) return known.name;
  }
  return "";
}

std::optional<Step> parse_step(std::string_view text) {
  for (const StepName& known : kStepNames) {
    if (known.name == text) return known.step;
  }
  return std::nullopt;
}

std::set<Step> all_steps() {
  std::set<Step> steps;
  for (const StepName& known : kStepNames) steps.insert(known.step);
  return steps;
}

}  // namespace weir::maintain
