// Replies as comma-separated values (RFC 4180), for spreadsheets.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace muster::catalogue {

// The lists of a reply: a line for their columns, then a line an element. Numbers, enums, durations
// and what is not set (empty) are as in the JSON. The names of an inner message's fields come after
// its own and a dot; a list of values is one cell, parted by semicolons, and a list of messages
// within a row is left out. Before them stand, on every line, the reply's own single values
// ("reply.month") and, where it has several lists, the name of the one that the line is of; each
// line then has the columns of all of them. A reply without a list is one line.
//
// Text is on one line, control characters replaced by blanks; what a spreadsheet would take for a
// formula (it begins with = + - or @) gets a ' in front. Lines end in CR LF, also the last.
std::string csvText(const google::protobuf::Message& reply);

}  // namespace muster::catalogue
