#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"

// Where everything in a lake is (docs/formats/lake.md). Paths are relative to the lake's URL.
namespace weir::lake {

inline constexpr std::string_view kDeadLetterTable = "_dead_letters";
inline constexpr std::string_view kProbePath = "_weir/probe";

/// URL of a Delta table.
[[nodiscard]] std::string table_url(std::string_view lake_url, std::string_view table);

/// `_weir/plans/<table>/<plan_id>.json`
[[nodiscard]] std::string plan_path(std::string_view table, std::string_view plan_id);

/// `_weir/plans/<table>/effective/<shard>`, the folder of a shard's plan changes.
[[nodiscard]] std::string plan_changes_folder(std::string_view table, int32_t shard);

/// `_weir/gaps/<name>`, the folder of a table's or a stream's gaps.
[[nodiscard]] std::string gap_folder(std::string_view name);

/// `_weir/incarnations/<stream>`
[[nodiscard]] std::string incarnation_folder(std::string_view stream);

/// `_weir/files/<table>`, the folder of the files loaded into a table.
[[nodiscard]] std::string file_folder(std::string_view table);

/// `_weir/committables/<table>/<shard>`, the folder of what parts of jobs left.
[[nodiscard]] std::string committable_folder(std::string_view table, int32_t shard);

/// `name` as one folder: bytes other than [A-Za-z0-9_-] become =XX, so that every stream name is a path of its own.
[[nodiscard]] std::string path_segment(std::string_view name);

/// 20 digits, so that paths sort as the numbers do. Requires: number >= 0.
[[nodiscard]] std::string padded(int64_t number);

}  // namespace weir::lake
