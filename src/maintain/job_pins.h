#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/object_store.h"
#include "maintain/retention.h"

namespace weir::maintain {

/// Versions of the table that backfill jobs which have not ended (done, cancelled, failed) still read, from
/// `_weir/jobs/<table>/<n>/{spec,progress,control}.json`; their commit times are filled in. A job without a version yet pins none.
/// kDataLoss: a document that is no JSON object; then nobody knows what is pinned, and nothing may be deleted.
[[nodiscard]] Result<std::vector<PinnedVersion>> pinned_versions(const engine::ObjectReader& objects,
                                                                 const std::string& table);

/// A job as it is stored: the text of its documents; empty: absent.
struct JobDocuments {
  std::string spec;      ///< What it is about.
  std::string progress;  ///< The executor's: state, and the version it reads.
  std::string control;   ///< What people want of it. A job that is to be cancelled has ended.
};

/// The version that one job pins. `name`: for messages. kDataLoss as above.
[[nodiscard]] Result<std::optional<int64_t>> pinned_by(const std::string& name, const JobDocuments& job);

}  // namespace weir::maintain
