#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "audit/identity_set.h"
#include "base/status.h"
#include "engine/engine.h"
#include "engine/query.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace weir::audit {

/// Read-only SQL over one version of one table of the lake, under the name that `table` gives it. `engine` and the
/// snapshot must outlive it. Thread-safe.
class LakeQuery {
 public:
  LakeQuery(const engine::Engine& engine, engine::QueryTable table) : engine_(&engine), table_(std::move(table)) {}

  /// Hands over the answer batch by batch, cast to `schema`, whose columns are found by name. Stops at the first error.
  [[nodiscard]] Status each_batch(const std::string& sql, const std::shared_ptr<arrow::Schema>& schema,
                                  const std::function<Status(const arrow::RecordBatch&)>& take) const;

  [[nodiscard]] const std::string& table_name() const { return table_.name; }

 private:
  const engine::Engine* engine_;
  engine::QueryTable table_;
};

/// Exactly these identities as a SQL predicate over the system columns; without any, `false`.
[[nodiscard]] std::string identities_sql(const IdentitySet& identities);

/// 'text' in single quotes, as the engine reads strings.
[[nodiscard]] std::string quoted_text(std::string_view text);

/// "name" in double quotes, as the engine reads identifiers.
[[nodiscard]] std::string quoted_name(std::string_view name);

}  // namespace weir::audit
