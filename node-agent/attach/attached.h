// What watches an application that others run, put together as the configuration says.
#pragma once

#include <memory>

#include "node-agent/attach/attach_config.h"
#include "node-agent/attach/attachment.h"
#include "node-agent/attach/systemd_manager.h"

namespace muster::agent {

class Attached {
 public:
  Attached(const AttachConfig& config, AttachmentOptions options, Availability& availability,
           Clock& clock);
  Attachment& operator*() { return *attachment_; }
  Attachment* operator->() { return attachment_.get(); }

 private:
  SystemdManager manager_;
  std::unique_ptr<Watched> watched_;
  std::unique_ptr<Attachment> attachment_;
};

}  // namespace muster::agent
