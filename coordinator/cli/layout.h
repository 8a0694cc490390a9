// Text that fits a terminal: values and tables of a reply, laid out for a width. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/catalogue/reply_view.h"

namespace muster::cli {

// No limit: what goes to a file or a pipe is never cut.
inline constexpr size_t kAnyWidth = 0;

// The first `width` columns of a line of UTF-8, the last of them an ellipsis if something is left
// out.
std::string clipped(std::string_view text, size_t width);
// Clipped or filled up with spaces to exactly `width` columns.
std::string padded(std::string_view text, size_t width);
// The text in lines of at most `width` columns, parted at spaces where there are any; never empty.
std::vector<std::string> wrapped(std::string_view text, size_t width);

struct FittedTable {
  std::vector<std::string> lines;
  std::vector<std::string> left_out;  // labels of the columns that did not fit
};
// A table that is too wide loses, one after the other until it fits: columns without any value; the
// length of its longest texts, which are wrapped; addresses; columns from the right. The first
// column always stays.
FittedTable fitTable(const catalogue::ReplyView::Table& table, size_t width);

// A whole reply: "Label: value" lines and tables; says what was left out of them. No line feed at
// the end.
std::string replyText(const catalogue::ReplyView& view, size_t width);

}  // namespace muster::cli
