#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/table_schema.h"
#include "trino/names.h"

namespace weir::trino {

/// Where a view takes rows from.
enum class ViewKind : uint8_t {
  kHotCold,    ///< The lake as it was at position W, ClickHouse after it.
  kLakeAlone,  ///< Everything that the lake has.
};

/// What the view of one table says. Numbers and the time are literals in its text.
struct ViewContent {
  ViewKind kind = ViewKind::kLakeAlone;
  int64_t w = 0;                          ///< kHotCold: the position of shard 0 in that version of the lake's table.
  int64_t lake_version = 0;               ///< kHotCold: all rows of the lake's table at this version, and no others.
  int64_t hot_start = 0;                  ///< kHotCold: of the ClickHouse view.
  std::optional<int64_t> valid_until_us;  ///< kHotCold with a retention: queries planned later fail. Microseconds UTC.
  friend bool operator==(const ViewContent&, const ViewContent&) = default;
};

/// The query of the view `weir.<table>`.
[[nodiscard]] std::string table_view_query(const Names& names, const Plan& plan, const ViewContent& content);

/// A file whose dead letters count up to `position` only: loading it was interrupted between two commits.
struct UnfinishedFile {
  int32_t shard = -1;
  int64_t position = 0;
};

/// A table and which of its dead letters count: those above its lake position will be looked at again.
struct CountedLetters {
  std::string table;
  int64_t lake_position = 0;
  std::vector<UnfinishedFile> unfinished_files;
  std::string replayed;  ///< SQL predicate of those of the stream that are rows now; empty: none.
};

/// The query of the view `weir.dead_letters`.
[[nodiscard]] std::string dead_letter_view_query(const Names& names, const std::vector<CountedLetters>& tables);

/// One row of `weir.status`: a table's shard 0 when the view was published.
struct StatusRow {
  std::string table;
  bool published = false;
  ViewContent content;  ///< What is published of it; counts if `published`.
  int64_t lake_position = 0;
  std::optional<int64_t> lake_time_us;  ///< Stored time of the newest event in the lake.
  std::optional<int64_t> hot_position;
  std::string hot_mode;  ///< "live", "catching up", "detached", "none".
  std::optional<int64_t> stream_last_seq;
};

/// The query of the view `weir.status`. Its ages grow by themselves; everything else is as of `published_us`.
[[nodiscard]] std::string status_view_query(const std::vector<StatusRow>& rows, int64_t published_us);

/// CREATE OR REPLACE VIEW; `view` is qualified().
[[nodiscard]] std::string create_view_sql(const std::string& view, const std::string& comment,
                                          const std::string& query);

/// One line for people: where the rows come from. `reason`: why the lake alone, for kLakeAlone; may be empty.
[[nodiscard]] std::string comment_text(const ViewContent& content, std::string_view reason);

}  // namespace weir::trino
