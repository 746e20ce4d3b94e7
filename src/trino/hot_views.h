#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/status.h"
#include "schema/table_schema.h"
#include "trino/names.h"

namespace weir::trino {

/// SQL on ClickHouse, by whoever has a client for it. Thread-safe.
class ClickHouseStatements {
 public:
  virtual ~ClickHouseStatements() = default;
  [[nodiscard]] virtual Status execute(const std::string& sql) = 0;
  /// Every value as text.
  [[nodiscard]] virtual Result<std::vector<std::vector<std::string>>> query(const std::string& sql) = 0;
};

/// The views in ClickHouse that Trino reads, one per table and hot_start (hot_view_name()). Whoever moves a hot_start takes
/// the older views away first: what Trino planned on them then fails, instead of missing the rows between. Thread-safe.
class HotViews {
 public:
  /// `statements` must outlive it.
  HotViews(Names names, ClickHouseStatements& statements);

  /// Makes the view of this hot_start, with the plan's columns, where it is absent or shows others. kConflict: hot_start has
  /// moved since; nothing is made. Other errors are ClickHouse's.
  [[nodiscard]] Status ensure(const Plan& plan, int64_t hot_start);

  /// Drops the table's views of every hot_start below `hot_start`, and makes none of them again. Not ok: some may still be
  /// there, so hot_start must not move yet.
  [[nodiscard]] Status revoke(const std::string& table, int64_t hot_start);

  [[nodiscard]] const Names& names() const { return names_; }

 private:
  struct View {
    std::string name;
    int64_t hot_start = 0;
    std::string comment;
  };
  [[nodiscard]] Result<std::vector<View>> views_of(const std::string& table);

  const Names names_;
  ClickHouseStatements& statements_;
  std::mutex mutex_;                       // Held over statements: a view must not be made while another is revoked.
  std::map<std::string, int64_t> lowest_;  // By table: hot_start that views may have.
};

}  // namespace weir::trino
