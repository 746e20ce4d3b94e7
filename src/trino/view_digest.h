#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::trino {

// How Weir knows a view of its own from one that a user edited. The comment of a view ends with a mark: the digest of the
// view's query as Trino gives it back, numbers and times masked, and the digest of what Weir sent, masked likewise. The
// first tells whether somebody changed the query, the second whether Weir would still send the same.

/// `sql` with every number that is not part of a name, and the number of a hot view's name, replaced by '#'. Texts that
/// differ in positions and times only are equal then.
[[nodiscard]] std::string masked(std::string_view sql);

/// The end of a comment.
struct ViewMark {
  std::string stored;  ///< Digest of the masked query as Trino gives it back.
  std::string sent;    ///< Digest of the masked query as it was sent, and of the version it was sent to.
  friend bool operator==(const ViewMark&, const ViewMark&) = default;
};

[[nodiscard]] std::string digest_of_stored(std::string_view query);
[[nodiscard]] std::string digest_of_sent(std::string_view query, std::string_view server_version);

/// `text` for people and the mark behind it; mark_of() reads it back. Nothing: the comment has no mark.
[[nodiscard]] std::string with_mark(std::string_view text, const ViewMark& mark);
[[nodiscard]] std::optional<ViewMark> mark_of(std::string_view comment);

}  // namespace weir::trino
