// `muster alert-rules`: a file of alerting rules for Prometheus, from the objectives that the
// cluster's services have.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "coordinator/cli/report.h"
#include "coordinator/cli/settings.h"
#include "coordinator/cli/verbs.h"
#include "muster/cluster.pb.h"

namespace muster::cli {

// The file as Prometheus reads it. Of each service the burn rates are those that Muster judges it
// by, its own or the workbook's; the groups are told of as well, and what watches all of it.
nlohmann::ordered_json alertRules(const v1::StatusReply& groups,
                                  const v1::ClusterServiceLevelReply& levels);

// Objects, arrays, texts and numbers as YAML that one can read.
std::string yamlText(const nlohmann::ordered_json& value);

// Asks the coordinator and prints them: YAML, or the same as JSON.
Exit runAlertRules(const Settings& settings, const Catalogues& catalogues);

}  // namespace muster::cli
