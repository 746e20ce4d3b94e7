#include "clickhouse/partition_split.h"

#include <arrow/array.h>
#include <arrow/compute/api_vector.h>
#include <arrow/compute/cast.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <cstring>
#include <string_view>
#include <unordered_map>

#include "batch/arrow_memory.h"

namespace weir::clickhouse {
namespace {

using Batch = std::shared_ptr<arrow::RecordBatch>;
using GroupOfRow = std::vector<uint32_t>;

// Groups so far, refined by one more key column: rows stay together when they were and their value is equal.
class Grouping {
 public:
  explicit Grouping(int64_t rows) : group_(static_cast<size_t>(rows), 0) {}

  template <typename Value, typename ValueAt>
  void refine(ValueAt value_at) {
    struct Key {
      uint32_t group;
      Value value;
      bool operator==(const Key&) const = default;
    };
    struct Hash {
      size_t operator()(const Key& key) const { return std::hash<Value>()(key.value) * 31 + key.group; }
    };
    std::unordered_map<Key, uint32_t, Hash> known;
    Key last{};
    uint32_t last_group = 0;
    for (size_t row = 0; row < group_.size(); ++row) {
      const Key key{group_[row], value_at(static_cast<int64_t>(row))};
      if (row == 0 || !(key == last)) {  // Neighbours are mostly equal: no look-up for them.
        last_group = known.emplace(key, static_cast<uint32_t>(known.size())).first->second;
        last = key;
      }
      group_[row] = last_group;
    }
    count_ = known.size();
  }

  [[nodiscard]] size_t count() const { return count_; }
  [[nodiscard]] const GroupOfRow& group() const { return group_; }

 private:
  GroupOfRow group_;
  size_t count_ = 1;
};

template <typename Array>
void refine_by_numbers(const arrow::Array& values, Grouping* grouping) {
  const auto* numbers = static_cast<const Array&>(values).raw_values();
  grouping->refine<int64_t>([numbers](int64_t row) { return static_cast<int64_t>(numbers[row]); });
}

template <typename Array>
void refine_by_text(const arrow::Array& values, Grouping* grouping) {
  const auto& texts = static_cast<const Array&>(values);
  grouping->refine<std::string_view>([&texts](int64_t row) { return std::string_view(texts.GetView(row)); });
}

Status refine_by(const arrow::Array& values, Grouping* grouping) {
  switch (values.type_id()) {
    case arrow::Type::INT8: refine_by_numbers<arrow::Int8Array>(values, grouping); return ok_status();
    case arrow::Type::INT16: refine_by_numbers<arrow::Int16Array>(values, grouping); return ok_status();
    case arrow::Type::INT32: refine_by_numbers<arrow::Int32Array>(values, grouping); return ok_status();
    case arrow::Type::INT64: refine_by_numbers<arrow::Int64Array>(values, grouping); return ok_status();
    case arrow::Type::UINT8: refine_by_numbers<arrow::UInt8Array>(values, grouping); return ok_status();
    case arrow::Type::UINT16: refine_by_numbers<arrow::UInt16Array>(values, grouping); return ok_status();
    case arrow::Type::UINT32: refine_by_numbers<arrow::UInt32Array>(values, grouping); return ok_status();
    case arrow::Type::DATE32: refine_by_numbers<arrow::Date32Array>(values, grouping); return ok_status();
    case arrow::Type::STRING: refine_by_text<arrow::StringArray>(values, grouping); return ok_status();
    case arrow::Type::LARGE_STRING: refine_by_text<arrow::LargeStringArray>(values, grouping); return ok_status();
    case arrow::Type::STRING_VIEW: refine_by_text<arrow::StringViewArray>(values, grouping); return ok_status();
    case arrow::Type::DICTIONARY: {
      auto plain = arrow::compute::Cast(values, static_cast<const arrow::DictionaryType&>(*values.type()).value_type());
      if (!plain.ok()) return from_arrow(plain.status());
      return refine_by(**plain, grouping);
    }
    default: return internal_error("cannot partition by " + values.type()->ToString());
  }
}

// Row numbers sorted by group, stable (one counting sort), with where each group begins.
struct GroupedRows {
  std::vector<int64_t> rows;
  std::vector<int64_t> begin;  ///< One more than there are groups.
};

GroupedRows sort_by_group(const Grouping& grouping) {
  GroupedRows result{std::vector<int64_t>(grouping.group().size()), std::vector<int64_t>(grouping.count() + 1, 0)};
  for (const uint32_t group : grouping.group()) ++result.begin[group + 1];
  for (size_t group = 0; group < grouping.count(); ++group) result.begin[group + 1] += result.begin[group];
  std::vector<int64_t> next(result.begin.begin(), result.begin.end() - 1);
  for (size_t row = 0; row < grouping.group().size(); ++row) {
    result.rows[static_cast<size_t>(next[grouping.group()[row]]++)] = static_cast<int64_t>(row);
  }
  return result;
}

// arrow::compute::Take knows no view layout; a wider copy of these columns is taken from instead.
Result<Batch> without_views(const Batch& rows) {
  arrow::ArrayVector columns = rows->columns();
  arrow::FieldVector fields = rows->schema()->fields();
  for (size_t i = 0; i < columns.size(); ++i) {
    const arrow::Type::type id = columns[i]->type_id();
    if (id != arrow::Type::STRING_VIEW && id != arrow::Type::BINARY_VIEW) continue;
    const auto plain = id == arrow::Type::STRING_VIEW ? arrow::large_utf8() : arrow::large_binary();
    auto cast = arrow::compute::Cast(*columns[i], plain);
    if (!cast.ok()) return from_arrow(cast.status());
    columns[i] = *cast;
    fields[i] = fields[i]->WithType(plain);
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), rows->num_rows(), std::move(columns));
}

Result<Batch> take(const Batch& rows, const int64_t* indexes, int64_t count) {
  const auto buffer = std::make_shared<arrow::Buffer>(reinterpret_cast<const uint8_t*>(indexes),
                                                      count * static_cast<int64_t>(sizeof(int64_t)));
  const auto index_array = std::make_shared<arrow::Int64Array>(count, buffer);
  auto taken = arrow::compute::Take(rows, index_array, arrow::compute::TakeOptions::NoBoundsCheck());
  if (!taken.ok()) return from_arrow(taken.status());
  return taken->record_batch();
}

}  // namespace

Result<std::vector<Batch>> split_by_columns(const Batch& rows, const std::vector<std::string>& columns) {
  Grouping grouping(rows->num_rows());
  for (const std::string& name : columns) {
    const std::shared_ptr<arrow::Array> values = rows->GetColumnByName(name);
    if (values == nullptr) return internal_error("the rows lack the partition column \"" + name + "\"");
    if (values->null_count() > 0) return rejected("NULL in the partition column \"" + name + "\"");
    WEIR_RETURN_IF_ERROR(refine_by(*values, &grouping).with_context("partition column \"" + name + "\""));
  }
  if (grouping.count() <= 1) return std::vector<Batch>{rows};
  const GroupedRows grouped = sort_by_group(grouping);
  WEIR_ASSIGN_OR_RETURN(const Batch source, without_views(rows));
  std::vector<Batch> parts;
  for (size_t group = 0; group < grouping.count(); ++group) {
    const int64_t begin = grouped.begin[group];
    WEIR_ASSIGN_OR_RETURN(Batch part, take(source, grouped.rows.data() + begin, grouped.begin[group + 1] - begin));
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace weir::clickhouse
