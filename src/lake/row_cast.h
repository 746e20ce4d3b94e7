#pragma once

#include <memory>

#include "base/status.h"

namespace arrow {
class Array;
class DataType;
class RecordBatch;
class Schema;
}  // namespace arrow

namespace weir::lake {

/// `array` as `type`, value for value: the way back from a lake's type to the one it was written from (SMALLINT ->
/// uint8, DECIMAL(20,0) -> uint64, views and 64-bit layouts -> utf8, binary, list). kDataLoss: a value does not fit, so
/// that somebody else wrote it.
[[nodiscard]] Result<std::shared_ptr<arrow::Array>> cast_array(const std::shared_ptr<arrow::Array>& array,
                                                               const std::shared_ptr<arrow::DataType>& type);

/// The columns of `schema`, found by name and cast. kInternal: a column is missing. kDataLoss: a value does not fit, or
/// is NULL where `schema` has no NULL.
[[nodiscard]] Result<std::shared_ptr<arrow::RecordBatch>> cast_rows(const arrow::RecordBatch& rows,
                                                                    const std::shared_ptr<arrow::Schema>& schema);

}  // namespace weir::lake
