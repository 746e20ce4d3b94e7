#include "transform/partition_values.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "batch/row_ids.h"

namespace weir::transform {
namespace {

constexpr size_t kFolderNameBytesMax = 255;
// Of all folders of a file: a key of S3 has at most 1,024 bytes, with the lake's prefix and the file's name.
constexpr size_t kFolderNamesBytesMax = 700;
constexpr size_t kEncodedByte = 3;  // "%2F"

// Delta's list of characters to encode has grown with its versions: what is no letter, digit or one of these counts as encoded.
bool never_encoded(unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; }

size_t encoded_bytes(std::string_view text) {
  const auto plain = static_cast<size_t>(std::ranges::count_if(text, never_encoded));
  return plain + kEncodedByte * (text.size() - plain);
}

std::string_view fault_of(std::string_view text, size_t bytes_max) {
  if (text.empty()) return "is empty text, which a partition of a Delta table cannot hold";
  // Most texts are short whatever they consist of.
  if (kEncodedByte * text.size() > bytes_max && encoded_bytes(text) > bytes_max) {
    return "is text too long for the name of a partition's folder (255 bytes, percent-encoded; 700 for all of a table's)";
  }
  return {};
}

}  // namespace

Result<std::vector<PartitionFault>> take_out_unplaceable(const std::vector<std::string>& partition_by,
                                                         std::shared_ptr<arrow::RecordBatch>* rows) {
  std::map<int64_t, PartitionFault> found;  // By row; the first column at fault.
  const size_t name_bytes_max = std::min(kFolderNameBytesMax, kFolderNamesBytesMax / std::max<size_t>(1, partition_by.size()));
  for (const std::string& name : partition_by) {
    const auto column = (*rows)->GetColumnByName(name);
    if (column == nullptr) return internal_error("rows without their partition column " + name);
    if (column->type_id() != arrow::Type::STRING) continue;
    const auto& texts = static_cast<const arrow::StringArray&>(*column);
    const size_t bytes_max = name_bytes_max - std::min(name_bytes_max, name.size() + 1);
    for (int64_t i = 0; i < texts.length(); ++i) {
      const std::string_view fault = fault_of(texts.GetView(i), bytes_max);
      if (!fault.empty()) found.try_emplace(i, PartitionFault{{}, name, "column " + name + " " + std::string(fault)});
    }
  }
  std::vector<PartitionFault> faults;
  if (found.empty()) return faults;
  WEIR_ASSIGN_OR_RETURN(const auto ids, row_ids(**rows));
  std::vector<RowId> out;
  for (auto& [index, fault] : found) {
    fault.id = ids[static_cast<size_t>(index)];
    out.push_back(fault.id);
    faults.push_back(std::move(fault));
  }
  WEIR_ASSIGN_OR_RETURN(*rows, rows_without(*rows, out));
  return faults;
}

}  // namespace weir::transform
