#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "schema/table_schema.h"

namespace weir {

/// Columns that `on_unknown_field = "add_column"` gives to one table at most.
inline constexpr int kAddedColumnsMax = 100;

/// The column that the unknown top-level field `field` gets: nullable, read from "/<field>". kInvalidArgument: the field
/// cannot be a column's name, or a column of the plan's input or rows has that name.
[[nodiscard]] Result<InputColumn> column_of_field(const Plan& plan, std::string_view field, TypeKind kind);

/// Columns of `current` that were (or could have been) added by `column_of_field` and that `file` lacks. Empty unless
/// the file says add_column: a pipeline file does not know the columns that events brought, and must not drop them.
[[nodiscard]] std::vector<InputColumn> columns_to_keep(const Plan& file, const Plan& current);

struct EvolutionRules {
  /// Columns that `wanted` lacks stay in the stores, NULL from now on, instead of being refused: an older file is back.
  bool may_leave_out = false;
  std::string rebuild;  ///< For a refusal: the command that fills a table of the wanted shape.
};

/// The plan that follows `current` when `wanted` is asked for: `wanted`, with every row column nullable that the stores
/// must hold NULL in, since rows from before are there. So a column that is new is nullable in the stores even if each
/// event must bring it or gets a default, and one that was nullable stays so.
///
/// In place: added columns, NOT NULL given up, and an unsigned integer becoming the signed one of the same Delta type.
/// Everything else is kInvalidArgument, naming the columns, both types, and what to do instead.
/// Requires: both have their rows, and are plans of the same table.
[[nodiscard]] Result<Plan> evolved_plan(const Plan& current, Plan wanted, const EvolutionRules& rules);

/// Whether every value of `from` is one of `to` and both have the same Delta type: uint8 -> int16, uint16 -> int32,
/// uint32 -> int64.
[[nodiscard]] bool is_widening(TypeKind from, TypeKind to);

/// Whether the two hold the same row columns by name and type, in any order.
[[nodiscard]] bool same_columns(const Plan& a, const Plan& b);

}  // namespace weir
