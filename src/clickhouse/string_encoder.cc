#include "clickhouse/string_encoder.h"

#include <arrow/array.h>
#include <arrow/type.h>

#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "clickhouse/column_encoder.h"

namespace weir::clickhouse {
namespace {

constexpr int64_t kVarintBytesMax = 10;

// Calls `visit` with the array in its own layout, so that the loop over its rows is compiled once per layout.
template <typename Visit>
Status with_layout(const arrow::Array& values, Visit visit) {
  switch (values.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY: return visit(static_cast<const arrow::BinaryArray&>(values));
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY: return visit(static_cast<const arrow::LargeBinaryArray&>(values));
    case arrow::Type::STRING_VIEW:
    case arrow::Type::BINARY_VIEW: return visit(static_cast<const arrow::BinaryViewArray&>(values));
    default: return internal_error("text expected, not " + values.type()->ToString());
  }
}

template <typename Array>
std::string_view value_or_empty(const Array& values, int64_t row) {
  return values.IsNull(row) ? std::string_view() : std::string_view(values.GetView(row));
}

template <typename Array>
int64_t text_bytes(const Array& values) {
  int64_t total = 0;
  for (int64_t row = 0; row < values.length(); ++row) {
    total += static_cast<int64_t>(value_or_empty(values, row).size());
  }
  return total;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// 8-4-4-4-12 hexadecimal digits -> the number's upper and lower 64 bits.
bool parse_uuid(std::string_view text, uint64_t* halves) {
  if (text.size() != 36) return false;
  halves[0] = halves[1] = 0;
  int digits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i] != '-') return false;
      continue;
    }
    const int digit = hex_digit(text[i]);
    if (digit < 0) return false;
    uint64_t& half = halves[digits++ / 16];
    half = half << 4 | static_cast<uint64_t>(digit);
  }
  return true;
}

// Distinct values in order of first appearance.
struct Dictionary {
  std::vector<std::string_view> words;
  std::vector<uint32_t> row_index;
};

template <typename Array>
Dictionary dictionary_of(const Array& values) {
  Dictionary result;
  result.row_index.resize(static_cast<size_t>(values.length()));
  std::unordered_map<std::string_view, uint32_t> known;
  uint32_t last = 0;
  for (int64_t row = 0; row < values.length(); ++row) {
    const std::string_view word = value_or_empty(values, row);
    if (row == 0 || word != result.words[last]) {  // Equal neighbours are the rule: no look-up for them.
      const auto [at, added] = known.emplace(word, static_cast<uint32_t>(result.words.size()));
      if (added) result.words.push_back(word);
      last = at->second;
    }
    result.row_index[static_cast<size_t>(row)] = last;
  }
  return result;
}

template <typename Index>
Status append_indexes(const std::vector<uint32_t>& indexes, BlockBytes* bytes) {
  WEIR_ASSIGN_OR_RETURN(uint8_t * out, bytes->extend(static_cast<int64_t>(indexes.size() * sizeof(Index))));
  for (const uint32_t index : indexes) {
    const auto narrow = static_cast<Index>(index);
    std::memcpy(out, &narrow, sizeof(narrow));
    out += sizeof(narrow);
  }
  return ok_status();
}

// Numbers of ClickHouse's SerializationLowCardinality.
constexpr uint64_t kSharedDictionariesWithAdditionalKeys = 1;
constexpr uint64_t kHasAdditionalKeys = 1U << 9U;
constexpr uint64_t kNeedUpdateDictionary = 1U << 10U;
enum IndexWidth : uint64_t { kUInt8 = 0, kUInt16 = 1, kUInt32 = 2 };

Status append_dictionary(const Dictionary& dictionary, BlockBytes* bytes) {
  const IndexWidth width = dictionary.words.size() <= 1U << 8U    ? kUInt8
                           : dictionary.words.size() <= 1U << 16U ? kUInt16
                                                                  : kUInt32;
  WEIR_RETURN_IF_ERROR(bytes->append_uint64(kSharedDictionariesWithAdditionalKeys));
  WEIR_RETURN_IF_ERROR(bytes->append_uint64(width | kHasAdditionalKeys | kNeedUpdateDictionary));
  WEIR_RETURN_IF_ERROR(bytes->append_uint64(dictionary.words.size()));
  for (const std::string_view word : dictionary.words) WEIR_RETURN_IF_ERROR(bytes->append_string(word));
  WEIR_RETURN_IF_ERROR(bytes->append_uint64(dictionary.row_index.size()));
  switch (width) {
    case kUInt8: return append_indexes<uint8_t>(dictionary.row_index, bytes);
    case kUInt16: return append_indexes<uint16_t>(dictionary.row_index, bytes);
    case kUInt32: break;
  }
  return append_indexes<uint32_t>(dictionary.row_index, bytes);
}

}  // namespace

Status encode_strings(const arrow::Array& values, BlockBytes* bytes) {
  return with_layout(values, [bytes](const auto& texts) -> Status {
    // One reservation for the worst case, then raw writes: no check per row.
    const int64_t most = text_bytes(texts) + texts.length() * kVarintBytesMax;
    WEIR_ASSIGN_OR_RETURN(uint8_t* const begin, bytes->extend(most));
    uint8_t* out = begin;
    for (int64_t row = 0; row < texts.length(); ++row) {
      const std::string_view text = value_or_empty(texts, row);
      out = write_varint(text.size(), out);
      if (!text.empty()) std::memcpy(out, text.data(), text.size());
      out += text.size();
    }
    bytes->give_back(most - (out - begin));
    return ok_status();
  });
}

Status encode_uuids(const arrow::Array& values, BlockBytes* bytes) {
  return with_layout(values, [bytes](const auto& texts) -> Status {
    constexpr int64_t kUuidBytes = 16;
    WEIR_ASSIGN_OR_RETURN(uint8_t * out, bytes->extend(texts.length() * kUuidBytes));
    for (int64_t row = 0; row < texts.length(); ++row, out += kUuidBytes) {
      uint64_t halves[2] = {0, 0};
      if (texts.IsValid(row) && !parse_uuid(texts.GetView(row), halves)) {
        return rejected("row " + std::to_string(row) + ": not a UUID: \"" +
                        std::string(texts.GetView(row)).substr(0, 64) + "\"");
      }
      std::memcpy(out, halves, kUuidBytes);
    }
    return ok_status();
  });
}

Status encode_low_cardinality(const arrow::Array& values, BlockBytes* bytes) {
  return with_layout(values, [bytes](const auto& texts) { return append_dictionary(dictionary_of(texts), bytes); });
}

}  // namespace weir::clickhouse
