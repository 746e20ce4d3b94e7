#include "maintain/step_report.h"

namespace weir::maintain {

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::kNothing: return "nothing";
    case Outcome::kDone: return "done";
    case Outcome::kWould: return "would";
    case Outcome::kSkipped: return "skipped";
    case Outcome::kWarning: return "warning";
    case Outcome::kFailed: return "failed";
  }
  return "";
}

}  // namespace weir::maintain
