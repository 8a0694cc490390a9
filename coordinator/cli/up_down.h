// `muster up` and `muster down`: a private cluster on this machine.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "coordinator/cli/settings.h"
#include "libcontrol/catalogue/catalogue.h"

namespace muster::cli {

class UpDown {
 public:
  // The catalogue must outlive this object, and this object `app`.
  UpDown(CLI::App& app, const catalogue::Catalogue& cluster);

  bool isParsed() const { return up_->parsed() || down_->parsed(); }
  Exit run(const Settings& settings);

 private:
  Exit up(const Settings& settings);
  Exit down(const Settings& settings);

  const catalogue::Catalogue& cluster_;
  CLI::App* up_;
  CLI::App* down_;
  std::string dir_;
  int nodes_ = 0;
  std::string lease_ttl_;
  bool detach_ = false;
};

}  // namespace muster::cli
