#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "schema/reader_view.h"

namespace weir::trino {

// What Weir's things are called in Trino and in ClickHouse (docs/formats/trino.md).

inline constexpr std::string_view kViewSchema = "weir";       ///< Views that people open.
inline constexpr std::string_view kLakeSchema = "weir_lake";  ///< The lake's tables as they are.
inline constexpr std::string_view kDeadLetterView = "dead_letters";
inline constexpr std::string_view kStatusView = "status";

/// Catalogs of one Trino server and the database that its ClickHouse catalog reads.
struct Names {
  std::string lake_catalog = "lake";              ///< Read-only for users.
  std::string admin_catalog = "lakeadmin";        ///< The same tables and views; may change them.
  std::string clickhouse_catalog = "clickhouse";  ///< Empty: a lake-only pipeline.
  std::string clickhouse_database = "weir";       ///< Where the tables are.

  /// Where the views for Trino's ClickHouse catalog are.
  [[nodiscard]] std::string view_database() const { return reader_database(clickhouse_database); }
};

}  // namespace weir::trino
