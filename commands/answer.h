// The usual end of a command: a record in the reply, and a sentence.
#pragma once

#include <string>
#include <utility>

#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"

namespace muster::commands {

// `part` is the reply's field for the record: &v1::PauseReply::mutable_pause. Of an error only that
// is told.
template <typename Reply, typename Record>
void answer(Result<Record> record, Record* (Reply::*part)(), const std::string& sentence,
            catalogue::CallContext& context, const catalogue::Responder<Reply>& responder) {
  if (!record) return responder.fail(record.status());
  context.note(sentence);
  Reply reply;
  *(reply.*part)() = std::move(record).value();
  responder.reply(std::move(reply));
}

}  // namespace muster::commands
