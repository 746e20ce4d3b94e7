#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "decode/column_writer.h"
#include "decode/fault.h"
#include "schema/table_schema.h"

namespace weir {

/// An input column while a batch is made.
struct InputSlot {
  const InputColumn* column;  ///< Of the plan, which outlives it.
  ColumnWriter writer;
  uint64_t written_in = 0;    ///< Number of the event that last gave it a value.
};

/// Why `value` (text of the payload, UTF-8) is not one of `type`, e.g. "int32 expected, not \"abc\"".
[[nodiscard]] std::string misfit_reason(RejectCode code, const ColumnType& type, std::string_view value);

}  // namespace weir
