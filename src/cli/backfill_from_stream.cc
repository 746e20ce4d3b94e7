#include <ostream>

#include "cli/backfill.h"
#include "cli/exit_code.h"

namespace weir::cli {

int backfill_from_stream(const GlobalOptions&, const BackfillOptions&, const Environment& environment) {
  environment.err << "weir backfill: this kind of backfill is not built yet\n";
  return kFailed;
}

}  // namespace weir::cli
