#include "lake/row_cast.h"

#include <arrow/array.h>
#include <arrow/compute/cast.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "batch/arrow_memory.h"

namespace weir::lake {
namespace {

Status does_not_fit(const arrow::Status& status) {
  if (status.IsInvalid())
    return data_loss("the lake holds a value that no event of ours can have led to: " + status.message());
  return from_arrow(status);
}

Result<std::shared_ptr<arrow::Array>> cast_flat(const std::shared_ptr<arrow::Array>& array,
                                                const std::shared_ptr<arrow::DataType>& type) {
  auto cast = arrow::compute::Cast(*array, type, arrow::compute::CastOptions::Safe());
  if (!cast.ok()) return does_not_fit(cast.status());
  return std::move(cast).ValueUnsafe();
}

// Rebuilt by hand instead of by Arrow's cast, which refuses children that lose their nullability: readers of Parquet
// call every child nullable.
Result<std::shared_ptr<arrow::Array>> cast_list(const std::shared_ptr<arrow::Array>& array,
                                                const std::shared_ptr<arrow::DataType>& type) {
  auto list = std::static_pointer_cast<arrow::ListArray>(array);
  WEIR_ASSIGN_OR_RETURN(auto values, cast_array(list->values(), type->field(0)->type()));
  std::shared_ptr<arrow::Array> cast =
      std::make_shared<arrow::ListArray>(type, list->length(), list->value_offsets(), std::move(values),
                                         list->null_bitmap(), list->null_count(), list->offset());
  return cast;
}

Result<std::shared_ptr<arrow::Array>> cast_struct(const std::shared_ptr<arrow::Array>& array,
                                                  const std::shared_ptr<arrow::DataType>& type) {
  const auto& whole = static_cast<const arrow::StructType&>(*array->type());
  arrow::ArrayVector children;
  for (const auto& field : type->fields()) {
    const int index = whole.GetFieldIndex(field->name());
    if (index < 0) return internal_error("no field " + field->name() + " in " + whole.ToString());
    // The child as it is stored, without the parent's offset, which the rebuilt array keeps.
    const auto stored = arrow::MakeArray(array->data()->child_data[static_cast<size_t>(index)]);
    WEIR_ASSIGN_OR_RETURN(auto child, cast_array(stored, field->type()));
    children.push_back(std::move(child));
  }
  std::shared_ptr<arrow::Array> cast = std::make_shared<arrow::StructArray>(
      type, array->length(), std::move(children), array->null_bitmap(), array->null_count(), array->offset());
  return cast;
}

}  // namespace

Result<std::shared_ptr<arrow::Array>> cast_array(const std::shared_ptr<arrow::Array>& array,
                                                 const std::shared_ptr<arrow::DataType>& type) {
  if (array->type()->Equals(*type)) return array;
  if (type->id() == arrow::Type::LIST) {
    if (array->type_id() == arrow::Type::LIST) return cast_list(array, type);
    WEIR_ASSIGN_OR_RETURN(const auto list, cast_flat(array, arrow::list(array->type()->field(0))));
    return cast_list(list, type);
  }
  if (type->id() == arrow::Type::STRUCT && array->type_id() == arrow::Type::STRUCT) return cast_struct(array, type);
  return cast_flat(array, type);
}

Result<std::shared_ptr<arrow::RecordBatch>> cast_rows(const arrow::RecordBatch& rows,
                                                      const std::shared_ptr<arrow::Schema>& schema) {
  arrow::ArrayVector columns;
  for (const auto& field : schema->fields()) {
    const auto column = rows.GetColumnByName(field->name());
    if (column == nullptr) return internal_error("no column " + field->name() + " in " + rows.schema()->ToString());
    auto cast = cast_array(column, field->type());
    if (!cast.ok()) return cast.status().with_context("column " + field->name());
    if (!field->nullable() && (*cast)->null_count() > 0) {
      return data_loss("the lake holds NULL in the required column " + field->name());
    }
    columns.push_back(std::move(cast).value());
  }
  return arrow::RecordBatch::Make(schema, rows.num_rows(), std::move(columns));
}

}  // namespace weir::lake
