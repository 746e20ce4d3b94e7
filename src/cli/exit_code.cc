#include "cli/exit_code.h"

namespace weir::cli {

int exit_code(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk: return kDone;
    case StatusCode::kInvalidArgument: return kWrongUsage;
    case StatusCode::kFenced: return kFenced;
    default: return kFailed;
  }
}

}  // namespace weir::cli
