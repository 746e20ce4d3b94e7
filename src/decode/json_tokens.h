#pragma once

#include <simdjson.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "base/status.h"
#include "decode/reject_code.h"

namespace weir {

/// The tokens of one JSON text, found by simdjson's vectorised first stage. The only place that knows simdjson.
///
/// Of On-Demand only the iterator over tokens is used, not its values: those skip what nobody asks for without looking
/// at it, and Weir judges the whole payload. Stage 1 picks its kernel at run time, checks UTF-8 and that strings are closed
/// and free of control characters, and reads nothing behind the text (its last block is copied), so payloads need neither
/// padding nor a copy. A test with a guard page behind the payload keeps watch over that.
///
/// A token begins at a bracket, brace, colon, comma, quote, or at the first byte of anything else; white space may follow
/// it before the next one. Thread-compatible.
class JsonTokens {
 public:
  /// Room for texts of up to `bytes` bytes; grows only. kResourceExhausted without memory.
  [[nodiscard]] Status reserve(size_t bytes) {
    if (bytes <= parser_.capacity() && parser_.capacity() > 0) return ok_status();
    const size_t capacity = std::max({bytes, 2 * parser_.capacity(), size_t{4'096}});
    if (parser_.allocate(capacity) == simdjson::SUCCESS) return ok_status();
    return resource_exhausted("no memory to parse " + std::to_string(bytes) + " bytes of JSON");
  }

  /// Begins with the first token of `text`: kNone, kEmpty, kInvalidUtf8 or kInvalidJson, then with *reason.
  /// Requires: reserve(text.size()).
  [[nodiscard]] RejectCode start(std::string_view text, const char** reason) {
    text_ = text;
    const simdjson::padded_string_view view(text.data(), text.size(), text.size() + simdjson::SIMDJSON_PADDING);
    simdjson::ondemand::json_iterator tokens;
    const simdjson::error_code error = parser_.iterate_raw(view).get(tokens);
    if (error == simdjson::SUCCESS) {
      next_ = tokens.position();
      last_ = reinterpret_cast<const char*>(tokens.peek_last());
      return RejectCode::kNone;
    }
    *reason = simdjson::error_message(error);
    if (error == simdjson::EMPTY) return RejectCode::kEmpty;
    return error == simdjson::UTF8_ERROR ? RejectCode::kInvalidUtf8 : RejectCode::kInvalidJson;
  }

  /// The first byte of the current token; the end of the text, not to be read, behind the last one.
  [[nodiscard]] const char* peek() const { return text_.data() + *next_; }

  /// peek(), then goes to the next token. Requires: taken() is not last().
  const char* advance() { return text_.data() + *next_++; }

  /// The first byte of the token that was taken last.
  [[nodiscard]] const char* taken() const { return text_.data() + next_[-1]; }

  /// The first byte of the last token.
  [[nodiscard]] const char* last() const { return last_; }
  [[nodiscard]] std::string_view text() const { return text_; }

  [[nodiscard]] static bool is_utf8(std::string_view text) {
    char bits = 0;
    if (text.size() < 64) {  // Subjects and headers: short and nearly always ASCII.
      for (const char c : text) bits |= c;
      if (bits >= 0) return true;
    }
    return simdjson::validate_utf8(text.data(), text.size());
  }

 private:
  simdjson::ondemand::parser parser_;
  simdjson::ondemand::token_position next_ = nullptr;  // Offsets of tokens in the text; the text's size behind the last.
  const char* last_ = nullptr;
  std::string_view text_;
};

}  // namespace weir
