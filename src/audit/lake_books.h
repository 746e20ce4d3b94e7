#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "audit/findings.h"
#include "audit/identity_set.h"
#include "audit/lake_query.h"
#include "base/status.h"
#include "engine/object_store.h"
#include "engine/table_description.h"

namespace weir::audit {

/// What the lake's own transactions say of one shard of a table.
struct ShardBooks {
  Seq position;
  std::optional<int64_t> rows;     ///< Made of its events so far, by its running counts; empty: it keeps none.
  std::optional<int64_t> rejects;  ///< Likewise.
};

/// Every shard that `txns` hold a position of, files (below 0) included.
[[nodiscard]] std::map<int32_t, ShardBooks> shard_books(const std::map<std::string, int64_t>& txns,
                                                        std::string_view table);

/// A data file that the log refers to and storage lacks.
struct LostFile {
  std::string path;  ///< Relative to the lake.
  int64_t rows = 0;  ///< By the log's statistics; 0 when it has none.
};

/// The files of a version, by whether they are there.
struct FileCheck {
  std::vector<LostFile> lost;
  /// Those that are there, as QueryTable::files takes them; set only when some are lost.
  std::optional<std::vector<std::string>> readable;
};

/// Looks whether every data file of `description` is in storage, and names those that are not. `partition` (as in
/// `table=events`; empty: all) leaves files of other partitions out of the findings. Costs one listing.
[[nodiscard]] Result<FileCheck> check_files(const engine::ObjectStore& objects, const std::string& folder,
                                            const engine::TableDescription& description, const std::string& partition,
                                            StoreName store, FindingLog& log);

/// One table's rows, or its dead letters, in the lake, to be held against the books.
struct BooksOptions {
  StoreName store = StoreName::kLake;
  std::string row_filter;               ///< SQL predicate; empty: none.
  int64_t rows_searched_max = 5 << 20;  ///< Up to so many rows, doubled ones are looked for though the count is right.
  int64_t doubled_listed_max = 10'000;
};

/// How many rows of each shard there are, at or below its position.
using ShardRows = std::map<int32_t, int64_t>;

/// Rows above a position, doubled rows, and counts that are not the shard's own. `expected`: by shard, what must be there
/// (books minus erasures); a shard without an entry is only searched for doubles.
[[nodiscard]] Result<ShardRows> check_books(const LakeQuery& query, const std::map<int32_t, ShardBooks>& shards,
                                            const std::map<int32_t, int64_t>& expected, const FileCheck& files,
                                            const BooksOptions& options, FindingLog& log);

}  // namespace weir::audit
